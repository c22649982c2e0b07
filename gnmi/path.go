package gnmi

import (
	"maps"
	"math/bits"
	"slices"
	"strings"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"trunkline/config/tree"
)

// Bounds of a path.
const (
	maxElems = 63   // one less than the bits of front
	maxText  = 4096 // bytes of one name or key
	maxNodes = 4096 // places of the schema that one path with wildcards names
)

// Wildcards of a path (gNMI path conventions).
const (
	anyName  = "*"
	anyDepth = "..."
)

// step is one element of a path as it was asked for.
type step struct {
	name string
	keys map[string]string // those given, wildcards left out
}

// pattern is a path of one origin, checked against its schema. Elements and keys
// may be wildcards.
type pattern struct {
	model *model
	steps []step
	nodes []*node // that it names
	text  string  // for messages
	// fixed is the concrete path that all it names is at or below.
	fixed tree.Path
	// wild says that it may name more than one node.
	wild bool
	// deep says that what it names may be below other nodes that it names.
	deep bool
}

// pathText writes a path as clients do: "/interfaces/interface[name=eth0]/mtu".
func pathText(elems []*pb.PathElem) string {
	if len(elems) == 0 {
		return "/"
	}
	var b strings.Builder
	for _, e := range elems {
		b.WriteByte('/')
		b.WriteString(e.GetName())
		for _, k := range slices.Sorted(maps.Keys(e.GetKey())) {
			b.WriteString("[" + k + "=" + strings.NewReplacer(`\`, `\\`, "]", `\]`).Replace(e.GetKey()[k]) + "]")
		}
	}
	if b.Len() > maxText {
		return b.String()[:maxText]
	}
	return b.String()
}

// resolve checks a path against the schema of its origin. Unknown is the code
// for elements that are not in it.
func (m *model) resolve(elems []*pb.PathElem, unknown codes.Code) (*pattern, error) {
	p := &pattern{model: m, text: pathText(elems), nodes: []*node{m.root}}
	if len(elems) > maxElems {
		return nil, status.Errorf(codes.InvalidArgument, "path of %d elements: at most %d", len(elems), maxElems)
	}
	static := true
	for i, e := range elems {
		s, err := readStep(e, p.text)
		if err != nil {
			return nil, err
		}
		p.steps = append(p.steps, s)
		next := follow(p.nodes, s.name)
		if len(next) == 0 {
			return nil, status.Errorf(unknown, "path %s: element %q is not in the schema; below %s there is %s",
				p.text, clip(e.GetName()), pathText(elems[:i]), choices(p.nodes))
		}
		if len(next) > maxNodes {
			return nil, status.Errorf(codes.ResourceExhausted, "path %s names more than %d nodes", p.text, maxNodes)
		}
		if next, err = withKeys(next, s, p.text); err != nil {
			return nil, err
		}
		p.nodes = next
		p.deep = p.deep || s.name == anyDepth
		n := next[0]
		elem, whole := concrete(n, s)
		if s.name == anyName || s.name == anyDepth || !whole {
			p.wild, static = true, false
		}
		if static {
			p.fixed = append(p.fixed, elem)
		}
	}
	if !slices.ContainsFunc(p.nodes, func(n *node) bool { return n.served }) {
		return nil, status.Errorf(codes.Unimplemented, "path %s: this node of %s is not served", p.text, p.nodes[0].module)
	}
	return p, nil
}

func clip(s string) string { return s[:min(len(s), 64)] }

// choices lists what may follow, for messages.
func choices(nodes []*node) string {
	var names []string
	for _, n := range nodes {
		for _, k := range n.kids {
			if k.served && !slices.Contains(names, k.name) {
				names = append(names, k.name)
			}
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	const few = 8
	if len(names) > few {
		names = append(names[:few], "...")
	}
	return strings.Join(names, ", ")
}

// readStep takes an element apart. A module name before it is dropped.
func readStep(e *pb.PathElem, text string) (step, error) {
	name := e.GetName()
	if module, rest, ok := strings.Cut(name, ":"); ok && module != "" {
		name = rest
	}
	if name == "" || len(name) > maxText {
		return step{}, status.Errorf(codes.InvalidArgument, "path %s: an element has no name", text)
	}
	s := step{name: name}
	for k, v := range e.GetKey() {
		if _, rest, ok := strings.Cut(k, ":"); ok {
			k = rest
		}
		if v == anyName {
			continue
		}
		if v == "" || len(v) > maxText {
			return step{}, status.Errorf(codes.InvalidArgument, "path %s: key %q of %q has no value", text, clip(k), clip(name))
		}
		if s.keys == nil {
			s.keys = map[string]string{}
		}
		s.keys[k] = v
	}
	if len(e.GetKey()) > 0 && s.keys == nil {
		s.keys = map[string]string{} // only wildcards: still says that it is a list
	}
	return s, nil
}

// follow returns the nodes that a name leads to.
func follow(nodes []*node, name string) []*node {
	var next []*node
	seen := map[*node]bool{}
	for _, n := range nodes {
		switch name {
		case anyName:
			next = append(next, n.kids...)
		case anyDepth:
			next = descendants(next, n, seen)
		default:
			if k := n.child(name); k != nil {
				next = append(next, k)
			}
		}
		if len(next) > maxNodes {
			break
		}
	}
	if name == anyDepth {
		slices.SortFunc(next, func(a, b *node) int { return strings.Compare(a.path(), b.path()) })
	}
	return next
}

// descendants adds a node and those below it, each once.
func descendants(to []*node, n *node, seen map[*node]bool) []*node {
	if seen[n] {
		return to
	}
	seen[n] = true
	to = append(to, n)
	for _, k := range n.kids {
		to = descendants(to, k, seen)
	}
	return to
}

// withKeys leaves the nodes that have the keys of a step.
func withKeys(nodes []*node, s step, text string) ([]*node, error) {
	if s.keys == nil {
		return nodes, nil
	}
	var out []*node
	for _, n := range nodes {
		fits := n.list()
		for k := range s.keys {
			fits = fits && slices.Contains(n.keys, k)
		}
		if fits {
			out = append(out, n)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	if n := nodes[0]; !n.list() {
		return nil, status.Errorf(codes.InvalidArgument, "path %s: %q is no list and takes no key", text, clip(s.name))
	}
	for k := range s.keys {
		if n := nodes[0]; !slices.Contains(n.keys, k) {
			return nil, status.Errorf(codes.InvalidArgument, "path %s: %q has no key %q; its keys are %s",
				text, clip(s.name), clip(k), strings.Join(n.keys, ", "))
		}
	}
	return nil, status.Errorf(codes.InvalidArgument, "path %s: the keys of %q do not fit", text, clip(s.name))
}

// concrete returns the element of a tree that a step names, and whether it names
// just one.
func concrete(n *node, s step) (tree.Elem, bool) {
	e := tree.Elem{Name: s.name}
	if !n.list() {
		return e, true
	}
	texts := make([]string, len(n.keys))
	for i, k := range n.keys {
		v, ok := s.keys[k]
		if !ok {
			return e, false
		}
		texts[i] = v
	}
	e.Key = strings.Join(texts, " ")
	return e, true
}

// takes reports whether a step names an element of a tree.
func (s step) takes(n *node, e tree.Elem) bool {
	if s.name != anyName && s.name != e.Name {
		return false
	}
	if len(s.keys) == 0 {
		return s.keys == nil || n.list()
	}
	if !n.list() {
		return false
	}
	texts := n.keyTexts(e.Key)
	for i, k := range n.keys {
		if v, ok := s.keys[k]; ok && (i >= len(texts) || texts[i] != v) {
			return false
		}
	}
	for k := range s.keys {
		if !slices.Contains(n.keys, k) {
			return false
		}
	}
	return true
}

// front is the steps of a pattern that may be next on the way down a tree: a
// bit for each step, and the one beyond for that all have been taken. However
// many wildcards a pattern has, a node is looked at once.
type front uint64

// begin is the front at the root.
func (p *pattern) begin() front { return p.settle(1) }

// settle adds what is reached where "..." stands for nothing.
func (p *pattern) settle(s front) front {
	for i := range p.steps {
		if s&(1<<i) != 0 && p.steps[i].name == anyDepth {
			s |= 1 << (i + 1)
		}
	}
	return s
}

// named reports whether all steps have been taken.
func (p *pattern) named(s front) bool { return s&(1<<len(p.steps)) != 0 }

// after is the front once element e has been taken, which is node n.
func (p *pattern) after(s front, n *node, e tree.Elem) front {
	var next front
	for ; s != 0; s &= s - 1 {
		i := bits.TrailingZeros64(uint64(s))
		switch {
		case i == len(p.steps):
		case p.steps[i].name == anyDepth:
			next |= 1 << i
		case p.steps[i].takes(n, e):
			next |= 1 << (i + 1)
		}
	}
	return p.settle(next)
}

// covers reports whether a concrete path is at or below what the pattern names.
func (p *pattern) covers(at tree.Path) bool {
	n, s := p.model.root, p.begin()
	for ; !p.named(s); at = at[1:] {
		if s == 0 || len(at) == 0 {
			return false
		}
		if n = n.child(at[0].Name); n == nil {
			return false
		}
		s = p.after(s, n, at[0])
	}
	return true
}

// find calls f for every node of a tree that the pattern names, in order.
func (p *pattern) find(t tree.Tree, f func(n *node, at tree.Path)) {
	var visit func(n *node, s front, t tree.Tree, at tree.Path)
	visit = func(n *node, s front, t tree.Tree, at tree.Path) {
		if p.named(s) {
			f(n, at)
		}
		if i := bits.TrailingZeros64(uint64(s)); i < len(p.steps) && s == 1<<i {
			if e, ok := single(n, p.steps[i]); ok {
				if sub := (tree.Path{e}); t.Exists(sub) {
					visit(n.child(e.Name), p.settle(1<<(i+1)), t.Sub(sub), at.Join(sub))
				}
				return
			}
		}
		if s == 1<<len(p.steps) {
			return
		}
		for e := range t.Children(nil) {
			k := n.child(e.Name)
			if k == nil {
				continue
			}
			if next := p.after(s, k, e); next != 0 {
				visit(k, next, t.Sub(tree.Path{e}), at.Join(tree.Path{e}))
			}
		}
	}
	visit(p.model.root, p.begin(), t, nil)
}

// single returns the one element below a node that a step can name.
func single(n *node, s step) (tree.Elem, bool) {
	if s.name == anyName || s.name == anyDepth {
		return tree.Elem{}, false
	}
	k := n.child(s.name)
	if k == nil {
		return tree.Elem{}, false
	}
	return concrete(k, s)
}

// elems writes a concrete path for the wire.
func (m *model) elems(at tree.Path) []*pb.PathElem {
	n := m.root
	out := make([]*pb.PathElem, 0, len(at))
	for _, e := range at {
		if n != nil {
			n = n.child(e.Name)
		}
		pe := &pb.PathElem{Name: e.Name}
		if n != nil && e.Key != "" {
			pe.Key = map[string]string{}
			for i, text := range n.keyTexts(e.Key) {
				if i < len(n.keys) {
					pe.Key[n.keys[i]] = text
				}
			}
		}
		out = append(out, pe)
	}
	return out
}
