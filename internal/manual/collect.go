package manual

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/cli/session"
	"trunkline/cli/transfer"
	"trunkline/config"
	"trunkline/config/configtest"
	"trunkline/config/schema"
	"trunkline/config/template"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/flash"
	"trunkline/supervisor"
)

// entry is one command of the reference, with its no form.
type entry struct {
	syntax  string
	help    string
	feature string
	gate    string // line that turns it on, "" for none
	modes   []string
	no      string // syntax, "" for none
	reset   string // the default form
	args    []argument
	config  bool
	table   bool // has JSON and XML
	acts    bool
	own     bool
	profile bool // what it sets in a port-profile is inherited
	// defaults are those of the value, or of the switch, by mode.
	defaults map[string]string
	example  string
}

// argument is one placeholder of a command.
type argument struct {
	name, notation, help string
	value                bool // it is what is set
}

// product is the command language with all that may be in it, of a chassis that
// does not exist.
type product struct {
	cli      *session.CLI
	schema   *schema.Schema
	features []feature.Feature
	owners   feature.Owners
	gates    map[string]string // lines that open gates, by path
}

func newProduct(ctx context.Context) (*product, error) {
	p := &product{features: supervisor.Features(), gates: map[string]string{}}
	p.owners = feature.NewOwners(p.features)
	for _, f := range p.features {
		if f.Schema.Gate != nil {
			p.gates[f.GatePath()] = f.Schema.Gate.Line
		}
	}
	var err error
	if p.schema, _, err = supervisor.Schemas(p.features); err != nil {
		return nil, err
	}
	store, err := config.Open(ctx, p.schema, &configtest.Backend{}, config.Hooks{}, tree.Tree{})
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "trunkline-manual-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // nothing was written
	files, err := flash.Open(flash.Config{Dir: dir})
	if err != nil {
		return nil, err
	}
	defer files.Close()
	p.cli, err = session.New(session.Product{
		Store: store, Schema: p.schema, Features: p.features, Files: files,
		Transfer: &transfer.Client{}, Support: supervisor.Topics(), Setup: supervisor.SetupDialogue("admin", true),
	})
	return p, err
}

// entries are all commands: first those that are no lines of configuration.
func (p *product) entries() []*entry {
	var all []*entry
	for _, r := range p.cli.References() {
		all = append(all, &entry{
			syntax: r.Template, help: r.Help, feature: r.Feature, gate: p.gates[r.Gate], modes: []string{r.Mode},
			args: arguments(r.Template, r.Types, ""), table: r.Structured, acts: r.Acts, own: r.Own,
		})
	}
	return append(all, p.lines()...)
}

// lines are the lines of configuration. One that several modes have is one entry.
func (p *product) lines() []*entry {
	var all []*entry
	known := map[string]*entry{} // by feature and template
	for name, table := range p.cli.Tables() {
		for _, c := range table.Commands() {
			l, ok := c.Tag.(grammar.Line)
			if !ok {
				continue
			}
			key := p.owners.Of(l.Path()) + "\n" + l.Template
			e := known[key]
			if e == nil {
				e = &entry{
					syntax: l.Template, help: l.Help, feature: p.owners.Of(l.Path()), gate: p.gates[l.Gate], config: true, acts: true,
					args: arguments(l.Template, c.Types, l.Value), defaults: map[string]string{},
				}
				known[key] = e
				all = append(all, e)
			}
			switch l.Form {
			case grammar.No:
				e.no = cmp.Or(e.no, c.Template)
			case grammar.Default:
				e.reset = cmp.Or(e.reset, c.Template)
			default:
				path, _, _ := strings.Cut(name, "|")
				e.profile = e.profile || path == feature.Profiles[0] && l.Leaf != nil && !l.Leaf.NoInherit
				if mode := p.mode(path, l.Kinds); !slices.Contains(e.modes, mode) {
					e.modes = append(e.modes, mode)
					if def := defaultOf(l.Statement); def != "" {
						e.defaults[mode] = def
					}
				}
			}
		}
	}
	for _, e := range all {
		slices.Sort(e.modes)
	}
	return all
}

// mode is how the prompt calls the mode of a block, with the kinds of its entries
// if not all have the line.
func (p *product) mode(path string, kinds []string) string {
	name := "config"
	if b := p.schema.Block(path); path != "" && b != nil {
		name = b.Mode
	}
	if len(kinds) > 0 {
		name += " of kind " + strings.Join(kinds, ", ")
	}
	return name
}

// defaultOf is the default of a line's leaf at its place, "" for none.
func defaultOf(l schema.Statement) string {
	if l.Leaf == nil {
		return ""
	}
	def := l.Leaf.Default
	if at, ok := l.Leaf.DefaultAt[strings.TrimSuffix(l.Path(), "/"+l.Leaf.Path)]; ok {
		def = at
	}
	switch {
	case l.Switch() && def == true:
		return "on"
	case l.Switch():
		return "off"
	case def == nil:
		return ""
	}
	return l.Leaf.Type.FormatText(def)
}

// arguments describes the placeholders of a template, each once, and of those made
// of words the placeholders in these.
func arguments(text string, types map[string]schema.AnyType, value string) []argument {
	parts, err := template.Parse(text)
	if err != nil {
		return nil // not in a grammar that compiled
	}
	var all []argument
	template.Placeholders(parts, nil, func(name string, _ *template.Part) {
		typ := types[name]
		if typ == nil || slices.ContainsFunc(all, func(a argument) bool { return a.name == name }) {
			return
		}
		how := typ.How()
		all = append(all, argument{name, notation(how), meaning(how), name == value})
		for _, form := range how.Forms {
			for _, inner := range arguments(form, how.Types, "") {
				if !slices.ContainsFunc(all, func(a argument) bool { return a.name == inner.name }) {
					all = append(all, inner)
				}
			}
		}
	})
	return all
}

// notation is how a value is written.
func notation(how schema.Syntax) string {
	switch {
	case len(how.Keywords) > 0:
		words := make([]string, len(how.Keywords))
		for i, k := range how.Keywords {
			words[i] = k.Text
		}
		return strings.Join(words, " | ")
	case len(how.Forms) > 0:
		return strings.Join(how.Forms, " | ")
	case how.Notation != "":
		return how.Notation
	case how.Rest:
		return "LINE"
	}
	return "WORD"
}

// meaning is what a value means; of keywords, each.
func meaning(how schema.Syntax) string {
	if how.Help != "" || len(how.Keywords) == 0 {
		return how.Help
	}
	words := make([]string, len(how.Keywords))
	for i, k := range how.Keywords {
		words[i] = k.Text + ": " + k.Help
	}
	return strings.Join(words, "; ")
}
