package gnmi

import (
	"strings"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"trunkline/config/schema"
)

// place is a path of a request, with its prefix: a pattern of one origin, or a
// command line.
type place struct {
	origin  string // as it was named
	pattern *pattern
	cli     bool
	line    string // of origin cli
}

// cliOrigins name the command language. Some client libraries always say the
// product's name too.
var cliOrigins = [...]string{"cli", schema.Module + "_cli"}

// locate reads a path of a request. Unknown is the code for elements that are
// not in the schema.
func (s *Server) locate(prefix, path *pb.Path, unknown codes.Code) (*place, error) {
	//lint:ignore SA1019 the field is refused, not used
	if len(prefix.GetElement())+len(path.GetElement()) > 0 {
		return nil, status.Error(codes.InvalidArgument, "path: the field element is of gNMI before 0.4; use elem")
	}
	p := &place{origin: path.GetOrigin()}
	if o := prefix.GetOrigin(); o != "" {
		if p.origin != "" {
			return nil, status.Errorf(codes.InvalidArgument, "path %s: the prefix names an origin, so the path must not", pathText(path.GetElem()))
		}
		p.origin = o
	}
	elems := append(append([]*pb.PathElem(nil), prefix.GetElem()...), path.GetElem()...)
	for _, name := range cliOrigins {
		if p.origin == name {
			p.cli = true
			words := make([]string, len(elems))
			for i, e := range elems {
				words[i] = e.GetName()
			}
			p.line = strings.Join(words, " ")
			return p, nil
		}
	}
	m := s.open
	switch {
	case p.origin == ownOrigin:
		m = s.own
	case p.origin == "" || p.origin == openOrigin || s.hasModule(p.origin):
	default:
		return nil, status.Errorf(codes.InvalidArgument, "origin %q is not served; there are %s, %s and cli", clip(p.origin), openOrigin, ownOrigin)
	}
	var err error
	p.pattern, err = m.resolve(elems, unknown)
	return p, err
}
