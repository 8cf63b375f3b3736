# Turns sql/migrations/NNNN_name.sql, in order, and sql/seed.sql, which comes last, into core/db's migrations.h
# (-v out=h) or migrations.c (-v out=c). The text is kept byte for byte, because its checksum is what says that a
# migration which ran is still the one in the program.

function fail(sentence) {
	print sentence > "/dev/stderr"
	failed = 1
	exit 1
}

function literal(text) {
	gsub(/\\/, "&&", text)
	gsub(/"/, "\\\"", text)
	gsub(/\t/, "\\t", text)
	gsub(/\r/, "\\r", text)
	return "\"" text "\\n\""
}

BEGIN {
	for (i = 1; i < ARGC; i++) {
		base = ARGV[i]
		sub(/^.*\//, "", base)
		if (base == "seed.sql") {
			if (i != ARGC - 1)
				fail(ARGV[i] ": seed.sql must be the last argument")
			continue
		}
		if (base !~ /^[0-9][0-9][0-9][0-9]_[a-z0-9_]+\.sql$/)
			fail(ARGV[i] ": a migration is called NNNN_name.sql, four digits first, then a-z, 0-9 and _")
		if (substr(base, 1, 4) in number)
			fail(ARGV[i] ": two migrations have the number " substr(base, 1, 4) "; give the newer one the next free number")
		if (base < last)
			fail(ARGV[i] ": comes after " last "; pass the migrations sorted by name")
		number[substr(base, 1, 4)] = 1
		last = base
		sub(/\.sql$/, "", base)
		name[++n] = base
		at[ARGV[i]] = n
	}
	if (ARGC == 1)
		exit
}

{ sql[at[FILENAME] + 0, ++lines[at[FILENAME] + 0]] = $0 }

function text(i,    j) {
	if (!lines[i])
		printf "\t\"\""
	for (j = 1; j <= lines[i]; j++)
		printf "\t%s%s", literal(sql[i, j]), j < lines[i] ? "\n" : ""
}

END {
	if (failed)
		exit 1
	print "/* Made from sql/migrations and sql/seed.sql by sql/migrations.awk. */"
	if (out == "h")
		header()
	else
		source()
}

function header() {
	print "#ifndef DB_MIGRATIONS_H"
	print "#define DB_MIGRATIONS_H\n"
	print "struct migration {"
	print "\tconst char *name; /* \"0001_init\" */"
	print "\tconst char *sql;"
	print "};"
	print "extern const struct migration migrations[]; /* [migration_count], in order */"
	print "extern const int migration_count;"
	print "extern const char *const seed_sql;\n"
	print "#endif"
}

function source(    i) {
	print "#include \"db/migrations.h\"\n"
	print "const struct migration migrations[] = {"
	for (i = 1; i <= n; i++) {
		printf "\t{ \"%s\",\n", name[i]
		text(i)
		print " },"
	}
	if (!n)
		print "\t{ 0 },"
	print "};"
	printf "const int migration_count = %d;\n", n
	print "const char *const seed_sql ="
	text(0)
	print ";"
}
