// Command gen makes the list of OpenConfig leaves that gNMI knows, served or
// not, from the table leaves.tsv: facts of the published models, one leaf a
// line (path with module names and keys, class, kind, resolved type, default,
// units).
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gen TABLE LIST")
		os.Exit(2)
	}
	table, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = os.WriteFile(os.Args[2], list(table), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// list returns the lines of the list: path, class and type, by tabs.
func list(table []byte) []byte {
	var out bytes.Buffer
	for line := range strings.Lines(string(table)) {
		field := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(field) < 4 || !strings.HasPrefix(field[0], "/") {
			continue
		}
		typ := compact(field[3])
		if field[2] == "leaf-list" {
			typ = "list " + typ
		}
		fmt.Fprintf(&out, "%s\t%s\t%s\n", field[0][1:], field[1], typ)
	}
	return out.Bytes()
}

// many is the number of identities from which on a type is written as its
// module only.
const many = 32

// compact shortens a type to what encoding and decoding need.
func compact(typ string) string {
	kind, rest, _ := strings.Cut(typ, " ")
	switch {
	case kind == "enum":
		return typ
	case kind == "identity":
		names := strings.Split(rest, "|")
		if len(names) > many {
			module, _, _ := strings.Cut(names[0], ":")
			return kind + " " + module + ":"
		}
		return typ
	case strings.HasPrefix(typ, "union(identity "):
		return compact(typ[len("union("):strings.IndexAny(typ, ",)")])
	case strings.HasPrefix(typ, "union"):
		return "union"
	case kind == "leafref":
		return "string"
	}
	return kind
}
