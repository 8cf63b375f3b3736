# Turns the dashboard's files into a C table: the page is part of the program, there is nothing to install beside it.
function escape(line) {
	gsub(/\\/, "\\\\\\\\", line)
	gsub(/"/, "\\\"", line)
	gsub(/\t/, "\\t", line)
	return line
}
function base(path) {
	sub(/.*\//, "", path)
	return path
}
FNR == 1 {
	if (NR == 1)
		printf "#include \"dashboard/files.h\"\n\n#include <stddef.h>\n\nconst struct dashboard_file dashboard_files[] = {\n"
	else
		print "\t},"
	printf "\t{ \"%s\",\n", base(FILENAME)
}
{ printf "\t  \"%s\\n\"\n", escape($0) }
END { print "\t},\n\t{ NULL, NULL },\n};" }
