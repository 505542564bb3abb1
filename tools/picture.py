"""Draw the README's picture of a report anew: three places of the page, side by side.

    make picture EXPERIMENT=digits_cnn

It wants the experiment's report (`make repro`), and Chromium with its driver. Write the page anew first
(`make report EXPERIMENT=digits_cnn`) where the code of pages has changed since.
"""

import argparse
import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

PLACES = ("result", "failure", "attribution")
"""The sections that the three columns begin with, by their key in `report/section/`."""

COLUMN = (1000, 1436)
"""Width and height of what a column shows, in pixels of the page."""

SCALE = 0.5
COLOURS = 256


def picture(report: Path, output: Path) -> None:
    """Draw a report's page into a PNG file."""
    width, height = (round(side * SCALE) for side in COLUMN)
    whole = Image.new("RGB", (width * len(PLACES), height), "white")
    with tempfile.TemporaryDirectory() as profile:
        driver = browser(profile)
        try:
            driver.get(report.absolute().as_uri())
            for number, place in enumerate(PLACES):
                shown = Image.open(BytesIO(column(driver, place)), formats=["PNG"]).convert("RGB")
                whole.paste(shown.resize((width, height), Image.Resampling.LANCZOS), (number * width, 0))
        finally:
            driver.quit()
    whole.quantize(COLOURS).save(output, optimize=True)


def browser(profile: str) -> webdriver.Chrome:
    """The system's Chromium, without a window and without requests of its own."""
    found = shutil.which("chromedriver")
    if not found or not shutil.which("chromium"):
        sys.exit("error: Chromium is not installed. Install it: sudo apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    looks = ["headless=new", "no-sandbox", "disable-gpu", "no-first-run", "hide-scrollbars"]
    stays_at_home = ["disable-background-networking", "disable-component-update", "disable-sync"]
    for switch in (*looks, *stays_at_home, f"user-data-dir={profile}", f"window-size={COLUMN[0]},{COLUMN[1]}"):
        options.add_argument(f"--{switch}")
    driver = webdriver.Chrome(options=options, service=Service(found))
    metrics = {"width": COLUMN[0], "height": COLUMN[1], "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    return driver


def column(driver: webdriver.Chrome, place: str) -> bytes:
    """What a screen shows whose upper edge is at a section, once its plots are drawn."""
    driver.set_script_timeout(60)
    driver.execute_async_script(
        """const [place, done] = arguments, section = document.getElementById(place);
        if (place === document.querySelector("section").id) scrollTo(0, 0); else section.scrollIntoView(true);
        const missing = () => document.querySelector(".plot:not([data-drawn])");
        const look = () => missing() ? setTimeout(look, 50) : requestAnimationFrame(() => requestAnimationFrame(done));
        look();""",
        place,
    )
    return bytes(driver.get_screenshot_as_png())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("experiment")
    parser.add_argument("--output", type=Path, default=Path("docs/images/report.png"))
    chosen = parser.parse_args()
    page = Path("results") / chosen.experiment / "report.html"
    if not page.is_file():
        sys.exit(f"error: {page} is not there. Make it: make repro")
    picture(page, chosen.output)
    print(f"{chosen.output}: three places of {page}")
