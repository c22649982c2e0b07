package gnmi

import (
	"context"
	"fmt"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"trunkline/config/tree"
)

// Get implements the gNMI service (gNMI specification §3.3). All paths are read
// from one image.
func (s *Server) Get(ctx context.Context, r *pb.GetRequest) (*pb.GetResponse, error) {
	if err := checkEncoding(r.GetEncoding()); err != nil {
		return nil, err
	}
	if len(r.GetPath()) > maxPaths {
		return nil, status.Errorf(codes.InvalidArgument, "%d paths: at most %d", len(r.GetPath()), maxPaths)
	}
	wants, ok := types[r.GetType()]
	if !ok {
		return nil, status.Errorf(codes.InvalidArgument, "data type %d is not defined", r.GetType())
	}
	ext, err := extensions(r.GetExtension(), onGet)
	if err != nil {
		return nil, err
	}
	if err := s.checkModels(r.GetUseModels()); err != nil {
		return nil, err
	}
	paths := r.GetPath()
	if len(paths) == 0 && r.GetPrefix() != nil {
		paths = []*pb.Path{{}}
	}
	who := callerOf(ctx)
	done, err := s.turn(ctx, who)
	if err != nil {
		return nil, err
	}
	defer done()
	var image *image
	out := &pb.GetResponse{}
	size := 0
	closed, why := gone(ctx)
	for _, path := range paths {
		at, err := s.locate(r.GetPrefix(), path, codes.InvalidArgument)
		if err != nil {
			return nil, err
		}
		var n *pb.Notification
		if at.cli {
			n, err = s.show(ctx, at, r.GetEncoding())
		} else {
			if image == nil {
				image = s.imageFor(who)
			}
			n, err = at.pattern.read(image, r.GetType(), wants, r.GetEncoding(), ext.depth)
		}
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		select {
		case <-closed:
			return nil, why()
		default:
		}
		n.Prefix = &pb.Path{Origin: at.origin, Target: r.GetPrefix().GetTarget()}
		part := proto.Size(n)
		if size += part; size > s.answer {
			return nil, errAnswer
		}
		if err := s.hold(ctx, part); err != nil {
			return nil, err
		}
		out.Notification = append(out.Notification, n)
	}
	return out, nil
}

// types are the leaves of each data type (gNMI specification §3.3.1).
var types = map[pb.GetRequest_DataType]func(*leaf) bool{
	pb.GetRequest_ALL:         nil,
	pb.GetRequest_CONFIG:      func(l *leaf) bool { return l.class != stateLeaf },
	pb.GetRequest_STATE:       func(l *leaf) bool { return l.class != configLeaf },
	pb.GetRequest_OPERATIONAL: func(l *leaf) bool { return l.class == stateLeaf && !l.mirror },
}

// read makes the notification of one path.
func (p *pattern) read(i *image, typ pb.GetRequest_DataType, wants func(*leaf) bool, enc pb.Encoding, depth int) (*pb.Notification, error) {
	t := p.whole(i)
	out := &pb.Notification{Timestamp: now()}
	found := false
	e := &encoder{ietf: enc == pb.Encoding_JSON_IETF, wants: wants}
	if wants != nil {
		e.there = func(at tree.Path) bool {
			return typ == pb.GetRequest_CONFIG && p.model.origin == ownOrigin && i.running.Tree.Exists(at)
		}
	}
	objects := enc == pb.Encoding_JSON || enc == pb.Encoding_JSON_IETF
	p.find(t, func(n *node, at tree.Path) {
		found = true
		sub := t.Sub(at)
		v, isLeaf := sub.Get(nil)
		switch {
		case isLeaf && wants != nil && !wants(n.leaf):
		case isLeaf:
			out.Update = append(out.Update, &pb.Update{Path: &pb.Path{Elem: p.model.elems(at)}, Val: n.leaf.typed(v.(cell).value, enc)})
		case objects:
			text, some := e.node(n, sub, at, true, depth)
			if !some && p.wild {
				return
			}
			if !some {
				text = []byte("{}")
			}
			out.Update = append(out.Update, &pb.Update{Path: &pb.Path{Elem: p.model.elems(at)}, Val: object(text, enc)})
		default:
			for q, v := range t.Leaves(at) {
				l := p.model.root.at(q).leaf
				if wants != nil && !wants(l) || depth >= 0 && len(q)-len(at) > depth {
					continue
				}
				out.Update = append(out.Update, &pb.Update{Path: &pb.Path{Elem: p.model.elems(q)}, Val: l.typed(v.(cell).value, enc)})
			}
		}
	})
	if !found && !p.wild {
		if c, ok := p.unset(i); ok {
			n := p.nodes[0]
			if wants == nil || wants(n.leaf) {
				out.Update = append(out.Update, &pb.Update{Path: &pb.Path{Elem: p.model.elems(p.fixed)}, Val: n.leaf.typed(c, enc)})
			}
			return out, nil
		}
		if n := p.nodes[0]; n.leaf == nil && !n.list() && p.parentThere(t) {
			if objects {
				out.Update = append(out.Update, &pb.Update{Path: &pb.Path{Elem: p.model.elems(p.fixed)}, Val: object([]byte("{}"), enc)})
			}
			return out, nil
		}
		return nil, status.Errorf(codes.NotFound, "path %s: there is no such data", p.text)
	}
	return out, nil
}

// unset returns the default of a leaf of the product's own that is not set: a
// default in use is data.
func (p *pattern) unset(i *image) (any, bool) {
	n := p.nodes[0]
	if p.model.origin != ownOrigin || n.leaf == nil || n.leaf.class != configLeaf || !p.parentThere(p.model.tree(i)) {
		return nil, false
	}
	v := p.model.defaults(i, p.fixed)
	return v, v != nil
}

// parentThere reports whether the entries that a concrete path goes through are
// there.
func (p *pattern) parentThere(t tree.Tree) bool {
	for i := range p.fixed {
		if p.fixed[i].Key != "" && !t.Exists(p.fixed[:i+1]) {
			return false
		}
	}
	return true
}

// show runs a show command for the origin cli.
func (s *Server) show(ctx context.Context, at *place, enc pb.Encoding) (*pb.Notification, error) {
	if s.cfg.CLI == nil {
		return nil, status.Error(codes.Unimplemented, "origin cli is not served")
	}
	line := at.line
	objects := enc == pb.Encoding_JSON || enc == pb.Encoding_JSON_IETF
	who := callerOf(ctx)
	text, structured, err := s.cfg.CLI.Show(ctx, who.session(), line, objects)
	if err != nil {
		return nil, status.Errorf(refusal(err), "%s", err)
	}
	val := &pb.TypedValue{Value: &pb.TypedValue_AsciiVal{AsciiVal: string(text)}}
	if structured != nil {
		val = object(structured, enc)
	}
	return &pb.Notification{Timestamp: now(), Update: []*pb.Update{{
		Path: &pb.Path{Elem: []*pb.PathElem{{Name: line}}}, Val: val,
	}}}, nil
}

// checkModels refuses models that are not served.
func (s *Server) checkModels(models []*pb.ModelData) error {
	for _, m := range models {
		if !s.hasModule(m.GetName()) {
			return status.Error(codes.InvalidArgument, fmt.Sprintf("use_models: module %q is not served", clip(m.GetName())))
		}
	}
	return nil
}
