package session

import (
	"context"
	"slices"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// sections are the filters of show running-config that print the lines of a
// subject (cli.md §8), by their first words.
var sections = []struct {
	word, help string
	lines      []string
}{
	{"aaa", "Authentication, authorization and accounting", []string{"aaa", "radius-server", "role", "tacacs-server", "username"}},
	{"ntp", "Network Time Protocol", []string{"ntp"}},
	{"security", "Users, roles, keys and passwords", []string{"banner", "line", "password", "role", "ssh", "username"}},
	{"snmp", "Simple Network Management Protocol", []string{"snmp-server"}},
}

// sectionShows are the filters whose lines the product has, and their opposite.
func (c *CLI) sectionShows() []grammar.Command {
	first := map[string]bool{}
	for _, l := range c.product.Schema.Lines() {
		if l.Mode == "" {
			first[firstWord(l.Template)] = true
		}
	}
	lines := func(words func(r *request, word string) bool) builtin {
		return builtin{show: true, do: func(_ context.Context, r *request) error {
			q := r.query()
			return c.print(r.out, r.match.Text, q, q.Running, schema.PrintOptions{Only: func(word string) bool { return words(r, word) }})
		}}
	}
	var all []grammar.Command
	for _, s := range sections {
		if slices.ContainsFunc(s.lines, func(w string) bool { return first[w] }) {
			all = append(all, grammar.Command{
				Template: "show running-config " + s.word, Help: s.help, Words: builtinWords,
				Tag: lines(func(_ *request, word string) bool { return slices.Contains(s.lines, word) }),
			})
		}
	}
	var excluded []schema.Keyword
	for w := range first {
		excluded = append(excluded, schema.Keyword{Text: w, Help: "Lines that begin with " + w})
	}
	slices.SortFunc(excluded, func(a, b schema.Keyword) int { return strings.Compare(a.Text, b.Text) })
	words := schema.Words{"show running-config exclude": "All but the lines of a subject"}
	for k, v := range builtinWords {
		words[k] = v
	}
	return append(all, grammar.Command{
		Template: "show running-config exclude <section>", Help: "All but the lines of a subject", Words: words,
		Types: map[string]schema.AnyType{"section": schema.Enum("section", excluded...)},
		Tag:   lines(func(r *request, word string) bool { return word != r.match.Values["section"] }),
	}, grammar.Command{
		Template: "show running-config expand-port-profile", Help: "With the lines of port-profiles in the place of their names",
		Words: builtinWords, Tag: builtin{show: true, do: func(_ context.Context, r *request) error {
			q := r.query()
			return c.print(r.out, r.match.Text, q, expanded(q), schema.PrintOptions{})
		}},
	})
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}

// expanded is the running configuration with what interfaces inherit as lines
// of their own.
func expanded(q feature.Query) tree.Tree {
	t := q.Running
	for name := range feature.Configured(q.Running) {
		if feature.ProfileOf(q.Running, name) == "" {
			continue
		}
		at := feature.InterfacePath(name)
		for rel := range q.Effective(name).Leaves(nil) {
			if v, ok := q.Effective(name).Get(rel); ok {
				t = t.Set(at.Join(rel), v)
			}
		}
		t = t.Delete(feature.InterfacePath(name, schema.Inherit))
	}
	return t
}
