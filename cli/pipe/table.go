package pipe

import (
	"slices"

	"trunkline/cli/grammar"
	"trunkline/config/schema"
)

// textTools are the commands of the filters that know lines as text.
func textTools() []grammar.Command {
	types := map[string]schema.AnyType{"delimiter": delimiter, "fields": fieldList, "from": characters, "to": characters}
	for _, f := range []string{"first", "second", "third"} {
		types[f] = sortFlag
	}
	words := schema.Words{
		"wc lines": "Number of lines", "wc words": "Number of words", "wc characters": "Number of characters",
		"cut": "Print fields of lines", "cut -d": "Delimiter of fields", "cut -f": "Fields to print",
		"tr": "Translate characters", "tr -d": "Delete characters", "tr -s": "Squeeze repeated characters",
	}
	var all []grammar.Command
	add := func(template, help string, make func(m *grammar.Match) func() filter) {
		all = append(all, grammar.Command{Template: template, Types: types, Words: words, Help: help,
			Tag: apply(func(c *Chain, m *grammar.Match) { c.filters = append(c.filters, make(m)) })})
	}
	add("sort [<first> [<second> [<third>]]]", "Sort lines", func(m *grammar.Match) func() filter {
		has := func(flag string) bool {
			return m.Values["first"] == flag || m.Values["second"] == flag || m.Values["third"] == flag
		}
		numeric, reverse, unique := has("-n"), has("-r"), has("-u")
		return func() filter {
			return &sorted{held: held{name: "sort"}, numeric: numeric, reverse: reverse, unique: unique}
		}
	})
	add("uniq", "Drop lines that repeat the one before", func(*grammar.Match) func() filter { return func() filter { return &uniq{} } })
	add("wc [lines|words|characters]", "Count lines, words and characters", func(m *grammar.Match) func() filter {
		what := countAll
		for i, word := range []string{countLines: "lines", countWords: "words", countCharacters: "characters"} {
			if slices.Contains(m.Words, word) {
				what = i
			}
		}
		return func() filter { return &wc{what: what} }
	})
	add("cut -d <delimiter> -f <fields>", "Print fields of lines", func(m *grammar.Match) func() filter {
		fields, _ := parseFields(m.Values["fields"].(string)) // checked by the grammar
		f := &cut{delimiter: m.Values["delimiter"].(string), fields: fields}
		return func() filter { return f }
	})
	add("tr <from> <to>", "Translate characters", func(m *grammar.Match) func() filter {
		from, to := m.Values["from"].(string), m.Values["to"].(string)
		return func() filter { return newTr(from, to, false) }
	})
	for _, option := range []string{"-d", "-s"} {
		add("tr "+option+" <from>", words["tr "+option], func(m *grammar.Match) func() filter {
			from := m.Values["from"].(string)
			return func() filter { return newTr(from, "", option == "-s") }
		})
	}
	all = append(all, grammar.Command{
		Template: "diff", Help: "Differences to the previous run of the command in this session",
		Tag: apply(func(c *Chain, _ *grammar.Match) {
			before := c.before
			c.filters = append(c.filters, func() filter {
				return &difference{held: held{name: "diff"}, compare: func(lines []string) []string { return c.Compare(before, lines) }}
			})
		}),
	})
	return all
}

// sortFlag is an option of sort.
var sortFlag = schema.Enum("flag",
	schema.Keyword{Text: "-n", Help: "Compare numbers"},
	schema.Keyword{Text: "-r", Help: "Reverse the order"},
	schema.Keyword{Text: "-u", Help: "Drop equal lines"})
