package supervisor

import (
	"context"
	"slices"
	"strings"
	"testing"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// declarations collects what is said of one thing, to find what is said twice.
type declarations map[string][]string

func (d declarations) add(key, text string) {
	if !slices.Contains(d[key], text) {
		d[key] = append(d[key], text)
	}
}

// lineOf is the canonical line of a setting, in the mode it is typed in.
func lineOf(l schema.Statement) string { return l.Mode + ": " + l.Template }

// modelElems names a node of the product's own model, any entry of its lists.
func modelElems(names string) *pb.Path {
	p := &pb.Path{Origin: schema.Module}
	for name := range strings.SplitSeq(names, "/") {
		p.Elem = append(p.Elem, &pb.PathElem{Name: name})
	}
	return p
}

// TestDeclaredOnce walks the grammar of configuration, the schema of gNMI and
// that of operational state: each setting has one declaration, one help and one
// canonical line, and gNMI knows it by that declaration; no leaf is both
// configuration and state.
func TestDeclaredOnce(t *testing.T) {
	d := openDoors(t)
	sch, state := d.s.config.Schema(), d.s.StateSchema()
	lines, helps, words, options := declarations{}, declarations{}, declarations{}, map[string]bool{}
	for _, l := range sch.Lines() {
		for name, rel := range l.Options {
			options[l.Path()+"/"+rel.Names()] = true
			lines.add(l.Path()+"/"+rel.Names(), lineOf(l)+" "+name)
		}
		for word, help := range l.Words {
			words.add(l.Mode+" "+word, help)
		}
		switch {
		case l.Leaf != nil:
			lines.add(l.Path(), lineOf(l))
			helps.add(strings.Join(l.Leaf.Mounts, ",")+" "+l.Leaf.Path, l.Help+" / "+l.Leaf.Line)
		case l.Block != nil:
			lines.add(l.Path(), lineOf(l))
		}
	}
	one := func(what string, all declarations) {
		for key, texts := range all {
			if len(texts) != 1 {
				t.Errorf("%s of %q: %q", what, key, texts)
			}
		}
	}
	one("lines", lines)
	one("help and line of the leaf", helps)
	one("helps of the word", words)

	leaves := 0
	seen := map[string]bool{}
	for _, path := range sch.Paths() {
		leaves++
		if seen[path] {
			t.Errorf("%s is declared twice", path)
		}
		seen[path] = true
		leaf := sch.Leaf(concretely(sch, path))
		if leaf == nil {
			t.Errorf("%s: no leaf", path)
			continue
		}
		if n := len(lines[path]); n == 0 && !leaf.Hidden && !leaf.ReadOnly && !options[path] {
			t.Errorf("%s has no line", path)
		}
		if leaf.Help == "" && !options[path] {
			t.Errorf("%s has no help", path)
		}
		// gNMI refuses nodes that it does not know.
		_, err := d.gnmi.Get(context.Background(), &pb.GetRequest{Path: []*pb.Path{modelElems(path)}, Type: pb.GetRequest_CONFIG, Encoding: pb.Encoding_JSON})
		if code := status.Code(err); code != codes.OK && code != codes.NotFound || strings.Contains(status.Convert(err).Message(), "not in the schema") {
			t.Errorf("%s through gNMI: %v", path, err)
		}
	}
	for _, path := range state.Paths() {
		leaves++
		if seen[path] {
			t.Errorf("%s is configuration and state, or declared twice", path)
		}
		seen[path] = true
		if leaf := state.Leaf(concretely(state, path)); leaf == nil || leaf.Help == "" {
			t.Errorf("%s: no leaf, or no help", path)
		}
	}
	if leaves < 150 {
		t.Errorf("only %d leaves", leaves)
	}
	t.Logf("%d leaves, %d lines", leaves, len(lines))
}

// concretely is a path of names with some entry of each list.
func concretely(s *schema.Schema, names string) tree.Path {
	var p tree.Path
	for name := range strings.SplitSeq(names, "/") {
		p = p.Child(name)
		if b := s.Block(p.Names()); b != nil && len(b.Keys) > 0 {
			p[len(p)-1].Key = "x"
		}
	}
	return p
}
