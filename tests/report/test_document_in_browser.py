"""The report in a real browser: headless Chromium of the system, driven by Selenium."""

import json
from pathlib import Path
from typing import Any

import pytest
from handed_on import document

from eksplora.report.listing import index

pytestmark = pytest.mark.browser

Facts = dict[str, Any]


@pytest.fixture
def show(driver: Any, tmp_path: Path) -> Any:
    """Opens a page at a width and in a theme of the system, waits until all is drawn, and gives the driver."""

    def opened(text: str, *, width: int = 1280, theme: str = "light") -> Any:
        from selenium.webdriver.support.ui import WebDriverWait

        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        feature = {"name": "prefers-color-scheme", "value": theme}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        for kind in ("browser", "performance"):
            driver.get_log(kind)  # what came before is another page's
        driver.get(path.as_uri())
        driver.execute_script("localStorage.clear(); delete document.documentElement.dataset.theme;")
        missing = "return document.querySelectorAll('.plot:not([data-drawn])').length"
        WebDriverWait(driver, 120).until(lambda browser: browser.execute_script(missing) == 0)
        return driver

    return opened


@pytest.fixture(params=["digits", "boston"])
def facts(request: pytest.FixtureRequest) -> Facts:
    """Both kinds."""
    return dict(request.getfixturevalue(request.param))


def requests(driver: Any) -> list[str]:
    """Every address that the page asked for."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [one["params"]["request"]["url"] for one in events if one["method"] == "Network.requestWillBeSent"]


def test_the_page_is_drawn_without_an_error_and_without_the_net(show: Any, facts: Facts) -> None:
    driver = show(document(facts))
    assert driver.get_log("browser") == []
    asked = [url for url in requests(driver) if not url.startswith("data:")]
    assert [url.rpartition("/")[2] for url in asked] == ["report.html"]
    assert driver.execute_script("return performance.getEntriesByType('resource').map(one => one.name)") == []
    sizes = driver.execute_script(
        "return [...document.querySelectorAll('.plot')].map(one => {"
        "  const box = one.querySelector('svg.main-svg').getBoundingClientRect();"
        "  return [one.id, box.width, box.height, one.querySelectorAll('path').length]; })"
    )
    assert len(sizes) > 10
    assert [name for name, width, height, paths in sizes if width < 150 or height < 80 or paths < 2] == []


@pytest.mark.parametrize(
    ("name", "theme"), [("digits", "dark"), pytest.param("boston", "light", marks=pytest.mark.slow)]
)
def test_a_phone_scrolls_no_page_sideways(show: Any, name: str, theme: str, request: pytest.FixtureRequest) -> None:
    driver = show(document(request.getfixturevalue(name)), width=390, theme=theme)
    assert driver.execute_script("return document.documentElement.scrollWidth") == 390
    wide = "return [...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth).length"
    assert driver.execute_script(wide) > 0  # they scroll inside their box


def test_the_index_fits_a_phone(show: Any) -> None:
    one = {"name": "an_experiment" * 12, "headline": "x" * 90, "link": "a/report.html", "others": []}
    driver = show(index(experiments=[one]), width=390)
    assert driver.execute_script("return document.documentElement.scrollWidth") == 390
    assert driver.get_log("browser") == []


MEASURES = "figure[aria-label='Measures']"


def column(driver: Any, place: int) -> list[str]:
    cells = f'return [...document.querySelectorAll("{MEASURES} tbody tr")].map(row => row.cells[{place}].textContent)'
    return list(driver.execute_script(cells))


def test_a_table_sorts_by_numbers_and_what_is_not_defined_stays_last(show: Any, boston: Facts) -> None:
    driver = show(document(boston))
    head = driver.find_elements("css selector", f"{MEASURES} thead th")[1]
    driver.execute_script("arguments[0].querySelector('button').click()", head)
    shown = column(driver, 1)
    assert shown[-1] == "—" and [float(one) for one in shown[:-1]] == sorted(float(one) for one in shown[:-1])
    assert head.get_attribute("aria-sort") == "ascending"
    driver.execute_script("arguments[0].querySelector('button').click()", head)
    again = column(driver, 1)
    assert again == [*shown[-2::-1], "—"]
    assert head.get_attribute("aria-sort") == "descending"


def test_a_table_sorts_by_the_keyboard(show: Any, boston: Facts) -> None:
    from selenium.webdriver.common.keys import Keys

    driver = show(document(boston))
    heads = driver.find_elements("css selector", f"{MEASURES} thead th")
    heads[0].find_element("tag name", "button").send_keys(Keys.ENTER)
    shown = column(driver, 0)
    assert (shown[0], shown[-1]) == ("max error", "root of mean squared error") and heads[0].get_attribute(
        "aria-sort"
    ) == "ascending"
    heads[4].find_element("tag name", "button").send_keys(Keys.SPACE)
    assert [head.get_attribute("aria-sort") for head in heads] == [*["none"] * 4, "ascending"]


LOOKS = (
    "const ink = document.querySelector('#plot-history .xtick text');"
    "return [getComputedStyle(document.body).backgroundColor, ink.style.fill,"
    " document.getElementById('theme').textContent]"
)


def test_the_page_and_its_plots_follow_the_system_and_the_button(show: Any, boston: Facts) -> None:
    driver = show(document(boston), theme="dark")
    dark = driver.execute_script(LOOKS)
    assert dark == ["rgb(20, 24, 29)", "rgb(228, 232, 237)", "Light"]
    driver.execute_script("document.getElementById('theme').click()")
    assert driver.execute_script(LOOKS) == ["rgb(255, 255, 255)", "rgb(28, 35, 45)", "Dark"]
    driver.refresh()
    assert driver.execute_script("return document.documentElement.dataset.theme") == "light"  # it is remembered
    driver.execute_script("document.getElementById('theme').click()")
    assert driver.execute_script("return document.documentElement.dataset.theme") == "dark"


@pytest.mark.slow
def test_paper_is_white_whatever_the_theme(show: Any, boston: Facts) -> None:
    driver = show(document(boston), theme="dark")
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    feature = {"name": "prefers-color-scheme", "value": "dark"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [feature]})
    paper, ink, _ = driver.execute_script(LOOKS)
    assert (paper, ink) == ("rgb(255, 255, 255)", "rgb(28, 35, 45)")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "screen", "features": [feature]})
    driver.execute_script("dispatchEvent(new Event('afterprint'))")
    assert driver.execute_script(LOOKS)[:2] == ["rgb(20, 24, 29)", "rgb(228, 232, 237)"]


def test_a_name_is_shown_in_a_plot_as_it_is(show: Any, digits: Facts) -> None:
    digits["details"]["classes"][0] = "<b>&"
    driver = show(document(digits))
    ticks = "return [...document.querySelectorAll('#plot-confusion-counts .xtick text')].map(one => one.textContent)"
    assert driver.execute_script(ticks) == ["<b>&", *map(str, range(1, 10))]


WILD = (
    "<img src=https://example.org/x onerror='window.hit = 1'>",
    "</script><script>window.hit = 1</script>",
    '<a href="javascript:window.hit = 1">x</a>',
    "\\u003c/script>\u2028 `x` ${window.hit = 1}",
    "%{x} $y_1$ &lt;b&gt;",
)


@pytest.mark.parametrize("kind", ["classes", pytest.param("numbers", marks=pytest.mark.slow)])
def test_names_out_of_the_data_run_nothing_and_ask_for_nothing(
    show: Any, kind: str, request: pytest.FixtureRequest
) -> None:
    conftest = request.config.pluginmanager.get_plugin(str(request.path.parent / "conftest.py"))
    facts = getattr(conftest, f"{kind}_facts")(WILD)
    for name in ("searched", "confirmed", "evaluated"):
        facts[name]["command"] = {"root": WILD[0], "overrides": list(WILD), "environment": {}}
    facts["evaluated"] |= {"headline": WILD[1], "experiment": WILD[0]}
    facts["searched"]["all_trials"][0]["values"][WILD[1]] = WILD[0]
    driver = show(document(facts))
    assert driver.get_log("browser") == []
    assert [url.rpartition("/")[2] for url in requests(driver) if not url.startswith("data:")] == ["report.html"]
    assert driver.execute_script("return window.hit") is None
    links = "return [...document.querySelectorAll('.plot :is(a, image)')].map(one => one.href.baseVal)"
    assert all(link.startswith("data:image/png") for link in driver.execute_script(links))  # a heat map
    names = "return [...document.querySelectorAll('td, th')].map(one => one.textContent)"
    assert WILD[0] in " ".join(driver.execute_script(names))


def test_a_browser_that_cannot_unpack_the_plots_says_so_and_shows_the_rest(show: Any, boston: Facts) -> None:
    old = document(boston).replace("<head>", "<head><script>delete window.DecompressionStream</script>", 1)
    driver = show(old)
    assert "too old" in driver.find_element("css selector", "#plot-history").text
    assert driver.find_elements("css selector", MEASURES)


@pytest.mark.slow
def test_contents_lead_to_their_sections_in_a_frame_too(show: Any, boston: Facts, tmp_path: Path) -> None:
    driver = show(document(boston))
    driver.execute_script(
        "const frame = document.createElement('iframe'); frame.id = 'frame'; frame.style.height = '600px';"
        "frame.setAttribute('sandbox', 'allow-scripts'); frame.srcdoc = arguments[0];"
        "document.body.replaceChildren(frame);",
        document(boston),
    )
    driver.switch_to.frame("frame")
    try:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(driver, 60).until(lambda page: page.find_elements("css selector", "nav a[href='#network']"))
        WebDriverWait(driver, 60).until(lambda page: page.execute_script("return document.readyState") == "complete")
        driver.execute_script("document.querySelector(\"nav a[href='#network']\").click()")
        place = "return document.getElementById('network').getBoundingClientRect().top"
        WebDriverWait(driver, 30).until(lambda page: abs(page.execute_script(place)) < 300)
        assert driver.execute_script("return scrollY") > 0, "the page in the frame has moved"
    finally:
        driver.switch_to.default_content()
