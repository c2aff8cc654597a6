# api.awk - the public headers as a page: comments become prose, declarations stay as they are.
#   awk -f api.awk include/backprop/backprop.h include/backprop/io.h > api.md
#
# It knows the shape of our headers and no more of C: a section starts with a banner comment, a part ends at an empty line
# or where the next comment starts in the first column. Guards, includes and extern "C" are left out.

FNR == 1 {
    finish_part()
    header = FILENAME
    sub(/^.*\//, "", header)
    new_section(header, "h-" header)
}

/^#(ifndef|define) BACKPROP_[A-Z_]*H$|^#include|^extern "C"/ { next }
/^#ifdef __cplusplus/ { cplusplus = 1; next }
cplusplus && /^}/ { next }
/^#endif/ { cplusplus = 0; next }

# /* ---- 3. The computation graph ---- */
/^\/\* ---- .* -+ \*\/$/ {
    finish_part()
    title = $0
    gsub(/^\/\* -+ | -+ \*\/$/, "", title)
    number = title
    sub(/\..*/, "", number)
    new_section(title, header "-" number)
    next
}

/^$/ { finish_part(); next }
/^\/\*/ && code != "" { finish_part() }

/^\/\*/ { in_comment = code == "" }
in_comment {
    line = $0
    closed = sub(/ *\*\/ *$/, "", line)
    sub(/^\/\* ?| \* ?/, "", line)
    prose[++lines] = line
    if (closed)
        in_comment = 0
    next
}
{
    code = code $0 "\n"
    learn_name($0)
}

# Names that a line at the left margin declares. The constants of an enum are found where the enum is.
function learn_name(line, name)
{
    name = ""
    if (match(line, /^    BP_[A-Z0-9_]+/))
        constants[++constant_count] = substr(line, 5, RLENGTH - 4)
    else if (match(line, /^#define BP_[A-Z0-9_]+/))
        name = substr(line, 9, RLENGTH - 8)
    else if (match(line, /^(}|typedef).* bp_[a-z0-9_]+;$/)) {
        name = line
        gsub(/.* |;/, "", name)
    } else if (line ~ /^[a-z]/ && match(line, /bp_[a-z0-9_]+\(/))
        name = substr(line, RSTART, RLENGTH - 1)
    if (name == "" || name in target)
        return
    target[name] = name
    names[sections] = names[sections] (names[sections] == "" ? "" : ", ") "[`" name "`](#" name ")"
    anchors = anchors "<a id=\"" name "\"></a>"
    for (; constant_count > 0; constant_count--)
        target[constants[constant_count]] = name
}

function new_section(title, id)
{
    titles[++sections] = title
    ids[sections] = id
}

# Keeps the part; it is written at the end, when all names are known.
function finish_part(i)
{
    if (lines > 0 || code != "") {
        part_section[++parts] = sections
        part_anchors[parts] = anchors
        part_code[parts] = code
        part_header[parts] = header
        part_lines[parts] = lines
        for (i = 1; i <= lines; i++)
            part_prose[parts, i] = prose[i]
    }
    lines = 0
    code = anchors = ""
    in_comment = 0
}

# ---- writing ---------------------------------------------------------------------------------------------------------

# One empty line at most, and none at the end.
function emit(text)
{
    if (text != "")
        print (empty ? "\n" : "") text
    empty = text == ""
}

# Prose with Markdown's characters escaped and known names linked; what stands in backquotes stays.
function marked(text, out, name)
{
    out = ""
    while (match(text, /`[^`]*`|(bp|BP)_[A-Za-z0-9_]*[A-Za-z0-9](\(\))?/)) {
        out = out escaped(substr(text, 1, RSTART - 1))
        name = substr(text, RSTART, RLENGTH)
        text = substr(text, RSTART + RLENGTH)
        out = out reference(name)
    }
    return out escaped(text)
}

function escaped(text)
{
    gsub(/[\\*_<|]/, "\\\\&", text)
    return text
}

function reference(name, plain)
{
    if (name ~ /^`/)
        return name
    plain = name
    sub(/\(\)$/, "", plain)
    return plain in target ? "[`" name "`](#" target[plain] ")" : "`" name "`"
}

# Lines that are indented are tables and stay as they are.
function write_prose(p, i, line, kept, keep)
{
    kept = 0
    for (i = 1; i <= part_lines[p]; i++) {
        line = part_prose[p, i]
        keep = line ~ /^ /
        if (keep && !kept) {
            emit("")
            emit("```text")
        } else if (kept && !keep) {
            emit("```")
            emit("")
        }
        kept = keep
        emit(keep ? substr(line, 3) : marked(line))
    }
    if (kept)
        emit("```")
    emit("")
}

function write_part(p)
{
    if (part_anchors[p] != "")
        emit(part_anchors[p])
    emit("")
    write_prose(p)
    if (part_code[p] == "")
        return
    emit("```c " part_header[p])
    printf "%s", part_code[p]
    emit("```")
    emit("")
}

function write_section(s)
{
    emit("<a id=\"" ids[s] "\"></a>")
    emit("")
    emit((titles[s] ~ /\.h$/ ? "## " : "### ") titles[s])
    emit("")
    if (names[s] != "")
        emit(names[s] ".")
    emit("")
}

END {
    finish_part()
    emit("# The C interface")
    emit("")
    emit("<!-- Written by docs/api.awk from the public headers; `make docs` writes it anew. -->")
    emit("")
    emit("What `#include <backprop/backprop.h>` and `#include <backprop/io.h>` declare. [math.md](math.md) derives what the")
    emit("functions compute, [architecture.md](architecture.md) explains how, and the programs in")
    emit("[examples/](../examples) show them in use.")
    emit("")
    for (s = 1; s <= sections; s++)
        emit((titles[s] ~ /\.h$/ ? "" : "  ") "- [" titles[s] "](#" ids[s] ")")
    emit("")
    p = 1
    for (s = 1; s <= sections; s++) {
        write_section(s)
        for (; p <= parts && part_section[p] == s; p++)
            write_part(p)
    }
}
