# What is wrong with the variables of a make command, in one line; nothing where nothing is.
#
#   LC_ALL=C awk -f tools/variables.awk Makefile "sweep train" TRIALS=3 ...
#
# A target takes the variables that its help line in the Makefile names, and those of setup, which the others run when
# needed. Their values become words of commands, so they are words here: ARGS alone is shell text, and PYTHON a path. The
# names of files and of columns may have any sign in them but these two: make quotes them.
# The same holds for variables of the environment that the target would use.

BEGIN {
    TYPED = "^(DATA|TARGET|INPUT)$"  # an environment has variables of these names for other ends
    QUOTED = "^(PYTHON|DATA|TARGET|INPUT)$"
    read_help_lines(ARGV[1])
    split(ARGV[2] == "" ? "help" : ARGV[2], targets, " ")
    for (i = 1; i in targets; i++) add(targets[i])
    add("setup")
    others = "ARGS" in taken ? ". Other keys go into ARGS" : ""
    for (i = 3; i < ARGC; i++) {
        name = substr(ARGV[i], 1, index(ARGV[i], "=") - 1)
        value = substr(ARGV[i], index(ARGV[i], "=") + 1)
        given[name]
        if (!(name in taken)) fail(name ": make" (ARGV[2] == "" ? "" : " ") ARGV[2] " has no such variable. " way_out(name))
        if (name != "ARGS" && value ~ /^ *$/) fail(name " has no value. Give it one, or leave it out")
        check(name, value)
    }
    if ("TARGET" in given && !("DATA" in given)) fail("TARGET: names a column of DATA, which is not given. Add DATA=<file>")
    for (name in taken) if (name in ENVIRON && !(name in given) && name !~ TYPED) check(name, ENVIRON[name])
}

function read_help_lines(file,    line, parts, rest) {
    while ((getline line < file) > 0)
        if (line ~ /^[a-z-]+:.*## /) {
            split(line, parts, ":")
            ordered[++count] = parts[1]
            rest = substr(line, index(line, "## "))
            while (match(rest, /[A-Z]+=/)) {
                takes[parts[1]] = takes[parts[1]] substr(rest, RSTART, RLENGTH - 1) " "
                rest = substr(rest, RSTART + RLENGTH)
            }
        }
}

function add(target,    names, i) {
    split(takes[target], names, " ")
    for (i = 1; i in names; i++)
        if (!(names[i] in taken)) { taken[names[i]]; listed = listed (listed == "" ? "" : ", ") names[i] }
}

function check(name, value) {
    if (name ~ QUOTED && value ~ /[;\n]/)
        fail(name "=" value ": one " (name == "TARGET" ? "column" : "path") " is wanted, without ; and line breaks")
    if (name == "ARGS" || name ~ QUOTED) return
    if (value ~ /[^A-Za-z0-9_. \200-\377-]/ || value ~ /(^| )-/)
        fail(name "=" value ": a name or a number is wanted, of letters, digits, _, . and -" others)
}

function way_out(name,    known, best, least, place, distance) {
    least = 3
    for (known in taken) {
        distance = edits(toupper(name), known)
        if (distance < least) { least = distance; best = known }
    }
    if (best != "") return "Did you mean " best "?"
    for (place = count; place; place--)  # the first of the file that takes it
        if (index(" " takes[ordered[place]], " " name " ")) best = "That is for make " ordered[place] ". "
    return best "It takes " listed others
}

# Letters to change, add or drop to make one word of another (Levenshtein).
function edits(one, other,    i, j, row, above, corner, least) {
    for (j = 0; j <= length(other); j++) row[j] = j
    for (i = 1; i <= length(one); i++) {
        corner = row[0]; row[0] = i
        for (j = 1; j <= length(other); j++) {
            least = corner + (substr(one, i, 1) != substr(other, j, 1))
            if (row[j] + 1 < least) least = row[j] + 1
            if (row[j - 1] + 1 < least) least = row[j - 1] + 1
            corner = row[j]; row[j] = least
        }
    }
    return row[length(other)]
}

function fail(message) {
    gsub(/[\n\r]/, " ", message)
    print message
    exit
}
