package session

import (
	"context"
	"strings"

	"trunkline/cli/grammar"
	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// Every line is judged by the roles of who types it, as configuration has them at
// that moment (cli.md §9.1), twice: as it is written, before anything is done or
// asked; and a line of configuration again with what it changes. The two are where
// a line becomes a command (run.go, apply.go) and where a command becomes a change
// (edit.go), so there is no way around them by abbreviation, alias, pipe, range or
// file. A configuration that is not typed, as of configure replace or gNMI, is
// judged by the lines that lead to it (mayBecome).

// ownFeature is the feature of the commands of the session, such as copy and
// checkpoint, in rules of roles.
const ownFeature = feature.OwnCommands

// synonyms are commands of one meaning: what a rule says of one it says of both.
var synonyms = map[string]string{
	"write": "copy running-config startup-config", "write memory": "copy running-config startup-config",
	"copy running-config startup-config": "write memory",
	"configure":                          "configure terminal",
	"alias":                              "show cli alias", "show cli alias": "alias",
}

// writing is the line that rules may name to permit or deny output to a file.
const writing = "> "

// rights are those of who types, now.
func (s *Session) rights() feature.Rights { return s.cli.rights(s.opts.Who.Role) }

func (c *CLI) rights(r feature.Role) feature.Rights {
	if c.product.Rights == nil || r.Admin() {
		return feature.RightsOf(r)
	}
	return c.product.Rights(c.product.Store.Running().Tree, r)
}

// permitted returns ErrPermission unless a line may be typed, or ErrNotAuthorized.
// What a line of configuration changes is judged when that is known (allow).
func (s *Session) permitted(ctx context.Context, f found) error {
	if err := s.inRoles(f); err != nil {
		return err
	}
	return s.authorized(ctx, f.match, f.to, f.depth >= 0)
}

// inRoles is permitted as far as roles go.
func (s *Session) inRoles(f found) error {
	rights := s.rights()
	if rights.Admin {
		return nil
	}
	if f.depth >= 0 {
		return s.cli.mayType(rights, s.stack[:f.depth+1], f.match)
	}
	if b, ok := f.match.Command.Tag.(builtin); ok && b.own {
		return nil
	} else if ok && b.drafts {
		return nil // what it commits is judged
	}
	if err := s.cli.mayRun(rights, f.match); err != nil {
		return err
	}
	if f.to != nil {
		c := feature.Command{Lines: []string{writing + f.to.file}, Feature: ownFeature, Write: true}
		if rights.Judge(c, feature.Touched{}) != feature.Permitted {
			return feature.ErrPermission
		}
	}
	return nil
}

// mayRun judges a command of exec mode.
func (c *CLI) mayRun(rights feature.Rights, m *grammar.Match) error {
	acts := m.Command.Tag.(action).acts()
	one := feature.Command{Feature: m.Command.Feature, Write: acts}
	touched := feature.Touched{}
	if acts {
		for _, v := range m.Values {
			touched = c.touch(touched, v)
		}
	}
	verdict := feature.Unruled
	for _, text := range []string{m.Text, synonyms[m.Text]} {
		if text == "" {
			continue
		}
		one.Lines = []string{text}
		v := rights.Judge(one, touched)
		if v == feature.Denied {
			return feature.ErrPermission
		}
		verdict = max(verdict, v)
	}
	leads := m.Text == "configure" || m.Text == "configure terminal"
	if verdict == feature.Permitted || leads && rights.Configures() {
		return nil
	}
	return feature.ErrPermission
}

// touch adds an object that a command names.
func (c *CLI) touch(t feature.Touched, v any) feature.Touched {
	switch v := v.(type) {
	case ether.VLANID:
		t.VLANs = t.VLANs.With(v)
	case ether.VLANSet:
		t.VLANs = t.VLANs.Union(v)
	case string:
		if feature.KindOf(v) != "" {
			t.Interfaces = append(t.Interfaces, v)
		}
	}
	return t
}

// mayType judges a line of configuration as it is written, in the last mode of a
// stack. What no rule is about may yet enter a mode.
func (c *CLI) mayType(rights feature.Rights, stack []level, m *grammar.Match) error {
	if c.judge(rights, stack, m, "", feature.Touched{}) == feature.Denied {
		return feature.ErrPermission
	}
	return nil
}

// judge returns the least verdict on what a line says of its entries, in the modes
// of its entries. Instead is written in its place, if it is not "".
func (c *CLI) judge(rights feature.Rights, stack []level, m *grammar.Match, instead string, touched feature.Touched) feature.Verdict {
	one := feature.Command{Config: true, Write: true, Feature: c.owners.Of(m.Command.Tag.(grammar.Line).Path())}
	worst := feature.Permitted
	for modes := range ways(stack) {
		for _, text := range texts(m, instead) {
			one.Lines = append(modes[:len(modes):len(modes)], text)
			if worst = min(worst, rights.Judge(one, touched)); worst == feature.Denied {
				return worst
			}
		}
	}
	return worst
}

// texts are the line, once for each entry that it lists.
func texts(m *grammar.Match, instead string) []string {
	switch {
	case instead != "":
		return []string{instead}
	case len(m.List) < 2:
		return []string{m.Text}
	}
	all := make([]string, len(m.List))
	begin := strings.TrimSuffix(m.Text, m.List[0].Text)
	for i, item := range m.List {
		all[i] = begin + item.Text
	}
	return all
}

// ways yields the lines of the modes of a stack, global configuration left out,
// once for each entry that the last of them is of.
func ways(stack []level) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		if len(stack) == 1 {
			yield(nil)
			return
		}
		var above []string
		for _, l := range stack[1 : len(stack)-1] {
			above = append(above, l.text)
		}
		last := stack[len(stack)-1]
		if len(last.at) < 2 {
			yield(append(above, last.text))
			return
		}
		for _, at := range last.at {
			if !yield(append(above[:len(above):len(above)], last.words+" "+at[len(at)-1].Key)) {
				return
			}
		}
	}
}

// allow returns ErrPermission unless a line may make a change of a tree.
func (c *CLI) allow(rights feature.Rights, t tree.Tree, stack []level, m *grammar.Match, ch *change) error {
	if rights.Admin {
		return nil
	}
	touched, edited := feature.Touched{}, false
	for _, edits := range ch.edits {
		for _, e := range edits {
			touched, edited = c.changes(touched, t, e), true
		}
	}
	if ch.enter != nil {
		for _, at := range ch.enter.at {
			touched = objects(touched, at)
		}
	}
	verdict := c.judge(rights, stack, m, "", touched)
	if verdict == feature.Unruled && !edited && ch.enter != nil && rights.Configures() {
		// No rule is about it. It enters a mode and nothing else; the limits of
		// roles hold.
		if rights.Reaches(touched) {
			return nil
		}
		return feature.ErrPermission
	}
	if verdict != feature.Permitted {
		return feature.ErrPermission
	}
	// A line of another form than what it sets is printed with is denied by a rule
	// about that, too.
	if line := m.Command.Tag.(grammar.Line); line.Alias != nil {
		for _, edits := range ch.edits {
			for _, e := range edits {
				text := c.product.Schema.Text(e.Path, e.Value)
				if text != "" && c.judge(rights, stack, m, text, touched) == feature.Denied {
					return feature.ErrPermission
				}
			}
		}
	}
	return nil
}

// changes adds the objects that an edit changes: the interface or VLAN that it is
// in, and the VLANs that the leaf has afterwards and did not have.
func (c *CLI) changes(touched feature.Touched, t tree.Tree, e config.Edit) feature.Touched {
	touched = objects(touched, e.Path)
	s := c.product.Schema
	if s.Leaf(e.Path) == nil {
		return touched
	}
	now := feature.Touched{}
	switch e.Op {
	case config.Set:
		now = c.vlans(e.Value)
	default:
		now = c.vlans(s.Value(t.Delete(e.Path), e.Path))
	}
	touched.VLANs = touched.VLANs.Union(now.VLANs.Minus(c.vlans(s.Value(t, e.Path)).VLANs))
	return touched
}

func (c *CLI) vlans(v any) feature.Touched {
	if _, text := v.(string); text {
		return feature.Touched{}
	}
	return c.touch(feature.Touched{}, v)
}

// vlanList is the list of VLANs.
const vlanList = "vlans/vlan"

// objects adds the interface or VLAN that a path is in.
func objects(t feature.Touched, p tree.Path) feature.Touched {
	if len(p) < 2 || p[1].Key == "" {
		return t
	}
	switch p[:2].Names() {
	case feature.Interfaces[0]:
		t.Interfaces = append(t.Interfaces, p[1].Key)
	case vlanList:
		if v, err := schema.VLAN.Parse(p[1].Key); err == nil {
			t.VLANs = t.VLANs.With(v)
		}
	}
	return t
}

// change is CLI.change of a line in the session's mode, unless roles forbid it.
func (s *Session) change(t tree.Tree, m *grammar.Match) (*change, error) {
	ch, err := s.cli.change(t, s.stack[len(s.stack)-1], m)
	if err != nil {
		return nil, err
	}
	if err := s.cli.allow(s.rights(), t, s.stack, m, ch); err != nil {
		return nil, err
	}
	return ch, nil
}

// mayBecome returns ErrPermission unless the session's user may type the lines
// that turn one configuration into another.
func (s *Session) mayBecome(ctx context.Context, from, to tree.Tree) error {
	rights, asks := s.rights(), s.asks(true)
	if rights.Admin && !asks || from.Equal(to) {
		return nil
	}
	sch := s.cli.product.Schema
	store, err := config.Open(ctx, sch, nowhere{}, config.Hooks{}, from)
	if err != nil {
		return err
	}
	l := loader{cli: s.cli, candidate: store.Begin(), stack: []level{global()}, rights: &rights}
	var refused error
	if asks {
		l.ask = func(m *grammar.Match) error {
			if refused == nil {
				refused = s.authorized(ctx, m, nil, true)
			}
			return refused
		}
	}
	var lines strings.Builder
	for depth, text := range sch.Patch(from, to) {
		lines.WriteString(indent(depth, text))
	}
	bad := l.text(lines.String())
	switch {
	case refused != nil:
		return refused
	case len(bad) == 0 && rights.Admin:
		return nil
	case len(bad) > 0 && rights.Admin:
		return feature.ErrNotAuthorized
	case len(bad) > 0 || l.denied:
		return feature.ErrPermission // a line that cannot be made is not judged
	}
	// What no line says is for those who may do everything.
	if !l.candidate.Tree().Equal(sch.KeepInventory(from, to)) {
		return feature.ErrPermission
	}
	return nil
}

// May returns ErrPermission unless a user may turn one configuration into another
// by a door without lines.
func (p Program) May(ctx context.Context, who feature.Session, from, to tree.Tree) error {
	return p.CLI.Session(Options{Who: who}).mayBecome(ctx, from, to)
}

// MayRun returns ErrPermission unless a user may run a command of exec mode, for
// doors that do what it does in another way.
func (p Program) MayRun(ctx context.Context, who feature.Session, line string) error {
	s := p.CLI.Session(Options{Who: who})
	m, bad := s.exec().Match(line, grammar.Typed)
	if bad != nil {
		return feature.ErrPermission
	}
	return s.permitted(ctx, found{match: m, depth: -1})
}
