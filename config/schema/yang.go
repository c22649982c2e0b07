package schema

import (
	"fmt"
	"slices"
	"strings"
)

// Namespace is the XML namespace of the YANG module.
const Namespace = "urn:trunkline:config"

// YANG returns the schema of configuration, and that of operational state unless
// it is nil, as one YANG 1.1 module (RFC 7950), named Module. Hard references
// become leafrefs; what features check beyond that is not in it.
func YANG(config, state *Schema) string {
	y := &yang{s: config}
	y.open(0, "module %s", Module)
	y.line(1, "yang-version 1.1;")
	y.line(1, "namespace %s;", quote(Namespace))
	y.line(1, "prefix tl;")
	y.line(1, "organization %s;", quote("Trunkline"))
	y.line(1, "description %s;", quote("Configuration and operational state of a Trunkline chassis."))
	var oper *node
	if state != nil {
		oper = state.root
	}
	y.children(1, config.root, oper)
	y.line(0, "}")
	return y.b.String()
}

type yang struct {
	s *Schema
	b strings.Builder
}

func (y *yang) line(depth int, format string, args ...any) {
	y.b.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(&y.b, format, args...)
	y.b.WriteByte('\n')
}

func (y *yang) open(depth int, format string, args ...any) { y.line(depth, format+" {", args...) }

// quote writes a YANG string (RFC 7950 §6.1.3).
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s) + `"`
}

// children writes what is below a node of configuration, and below the node of
// operational state at the same path; either may be nil.
func (y *yang) children(depth int, config, oper *node) {
	if config != nil {
		for _, c := range config.children {
			y.node(depth, c, oper.child(c.name))
		}
	}
	if oper != nil {
		for _, c := range oper.children {
			if config.child(c.name) == nil && c.holds() {
				y.node(depth, nil, c)
			}
		}
	}
}

// holds reports whether the node is or has a leaf.
func (n *node) holds() bool { return n.leaf != nil || slices.ContainsFunc(n.children, (*node).holds) }

func (y *yang) node(depth int, config, oper *node) {
	n := config
	if n == nil {
		n = oper
	}
	switch {
	case n.leaf != nil:
		y.leaf(depth, n.leaf, config == nil)
		return
	case n.list():
		y.open(depth, "list %s", n.name)
		names := make([]string, len(n.block.Keys))
		for i, k := range n.block.Keys {
			names[i] = k.Name
		}
		y.line(depth+1, "key %s;", quote(strings.Join(names, " ")))
	default:
		y.open(depth, "container %s", n.name)
	}
	if config == nil {
		y.line(depth+1, "config false;")
	}
	if n.block != nil {
		y.line(depth+1, "description %s;", quote(n.block.Help))
		for _, k := range n.block.Keys {
			y.open(depth+1, "leaf %s", k.Name)
			y.typ(depth+2, k.Type.YANG())
			y.line(depth+1, "}")
		}
	}
	y.children(depth+1, config, oper)
	y.line(depth, "}")
}

func (y *yang) typ(depth int, body string) {
	if !strings.HasSuffix(strings.TrimSpace(body), "}") {
		body += ";"
	}
	y.line(depth, "type %s", body)
}

func (y *yang) leaf(depth int, l *leaf, oper bool) {
	y.open(depth, "leaf %s", l.node.name)
	if oper {
		y.line(depth+1, "config false;")
	}
	if l.decl.Hard {
		ref := y.s.byNames(l.decl.Ref)
		path := "/tl:" + strings.ReplaceAll(l.decl.Ref, "/", "/tl:") + "/tl:" + ref.block.Keys[0].Name
		y.typ(depth+1, "leafref { path "+quote(path)+"; }")
	} else {
		y.typ(depth+1, l.decl.Type.YANG())
	}
	if l.def != nil {
		y.line(depth+1, "default %s;", quote(l.decl.Type.FormatText(l.def)))
	}
	y.line(depth+1, "description %s;", quote(l.decl.Help))
	y.line(depth, "}")
}
