# Turns sql/queries/*.sql into core/db's queries.h (-v out=h) or queries.c (-v out=c).
#
# A file is a head comment, then queries: a line "-- name: deployments_list", comment lines, the statement. The order is
# that of the arguments, then of the file. Comments, blank lines, indentation and the last semicolon do not reach the
# program. Easy to break: "--" inside a quoted text is no comment, so the quotes are followed across lines.

function fail(sentence) {
	printf "%s:%d: %s\n", FILENAME, FNR, sentence > "/dev/stderr"
	failed = 1
	exit 1
}

# The line without its comment; `quoted` says whether it begins inside '...'.
function uncomment(line,    i, c) {
	for (i = 1; i <= length(line); i++) {
		c = substr(line, i, 1)
		if (c == "'")
			quoted = !quoted
		else if (!quoted && c == "-" && substr(line, i + 1, 1) == "-")
			return substr(line, 1, i - 1)
	}
	return line
}

function literal(text, end) {
	gsub(/\\/, "&&", text)
	gsub(/"/, "\\\"", text)
	gsub(/\t/, "\\t", text)
	return "\"" text end "\""
}

# The statement that was being read is complete: the semicolon at its end is dropped.
function finish() {
	if (!n)
		return
	if (quoted)
		fail("the query " name[n] " ends inside a quoted text: a ' is missing")
	if (!lines[n])
		fail("the query " name[n] " is empty: write its statement below its name")
	sub(/[ \t]*;$/, "", sql[n, lines[n]])
	if (sql[n, lines[n]] == "")
		lines[n]--
}

BEGIN {
	if (ARGC == 1)
		exit
}

FNR == 1 {
	finish()
	here = 0
}

{ sub(/\r$/, "") }

/^-- name:/ && !quoted {
	if (here)
		finish()
	word = $0
	sub(/^-- name:[ \t]*/, "", word)
	sub(/[ \t]+$/, "", word)
	if (word !~ /^[a-z][a-z0-9_]*$/ || length(word) > 62)
		fail("\"" word "\" is no name for a query: use a-z, 0-9 and _, at most 62 characters")
	if (word in seen)
		fail("there are two queries called " word ": the first is in " seen[word] "; rename one")
	seen[word] = FILENAME
	name[++n] = word
	lines[n] = 0
	here = 1
	next
}

{
	begins_quoted = quoted
	text = uncomment($0)
	if (!begins_quoted)
		sub(/^[ \t]+/, "", text)
	if (!quoted)
		sub(/[ \t]+$/, "", text)
	if (text == "" && !begins_quoted)
		next
	if (!here)
		fail("SQL before the first \"-- name:\" line: give the query a name")
	if (!begins_quoted && lines[n] && sql[n, lines[n]] ~ /;$/)
		fail("the query " name[n] " has a second statement: a query is one statement, give the other a name of its own")
	sql[n, ++lines[n]] = text
}

END {
	if (failed)
		exit 1
	finish()
	if (failed)
		exit 1
	if (out == "h")
		header()
	else
		source()
}

function header(    i) {
	print "/* Made from sql/queries by sql/queries.awk. */"
	print "#ifndef DB_QUERIES_H"
	print "#define DB_QUERIES_H\n"
	print "enum query {"
	for (i = 1; i <= n; i++)
		printf "\tQ_%s,\n", toupper(name[i])
	print "\tquery_count"
	print "};\n"
	print "struct query_text {"
	print "\tconst char *name;"
	print "\tconst char *sql;"
	print "};"
	print "extern const struct query_text query_texts[]; /* [query_count] */\n"
	print "#endif"
}

function source(    i, j) {
	print "/* Made from sql/queries by sql/queries.awk. */"
	print "#include \"db/queries.h\"\n"
	print "const struct query_text query_texts[] = {"
	for (i = 1; i <= n; i++) {
		printf "\t{ \"%s\",\n", name[i]
		for (j = 1; j <= lines[i]; j++)
			printf "\t  %s%s\n", literal(sql[i, j], j == lines[i] ? "" : "\\n"), j == lines[i] ? " }," : ""
	}
	if (!n)
		print "\t{ 0 },"
	print "};"
}
