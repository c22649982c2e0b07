package module

import (
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/cores"
)

// How a card drives the interfaces of its host.
const (
	DriverAuto   = "auto"
	DriverPacket = "packet"
	DriverXDP    = "xdp"
)

// Datapath is how the line card of a slot moves frames (cli.md §13.2). The zero
// value leaves it to the card.
type Datapath struct {
	Driver string // DriverAuto, DriverPacket or DriverXDP
	Cores  string // of the workers, as cores.Format writes them; "" for none of their own
}

// Program is the section of one line card, which takes effect when the card is
// started again.
type Program struct {
	Driver string `json:"driver"`
	Cores  []int  `json:"cores,omitempty"`
}

// coresType is the type of lists of processor cores.
var coresType = schema.Type[string]{
	Name: "cores",
	Syntax: schema.Syntax{
		Notation: "LIST", Help: "Cores for the workers, one each, like 1,4-7; nothing else of the card runs there",
	},
	Parse: func(s string) (string, error) {
		list, err := cores.Parse(s)
		if err != nil {
			return "", schema.ErrInvalid
		}
		return cores.Format(list), nil
	},
	Format: func(s string) string { return s },
}

// datapathType is the type of the leaf datapath.
var datapathType = schema.Type[Datapath]{
	Name: "datapath",
	Syntax: schema.Syntax{
		Help:    "How the module moves frames; takes effect when its line card is started again",
		Forms:   []string{"{auto|packet|xdp} [cores <cores>]"},
		Samples: []string{DriverAuto, DriverPacket + " cores 1", DriverXDP + " cores 1,4-7"},
		Types:   map[string]schema.AnyType{"cores": coresType},
		Words: schema.Words{
			DriverAuto: "What the line card finds best: packet sockets", DriverPacket: "Packet sockets: offloads, bulk TCP",
			DriverXDP: "AF_XDP where an interface can: small frames", "cores": "Processor cores for the workers",
		},
	},
	Parse:  parseDatapath,
	Format: Datapath.String,
}

// String returns the datapath as it is written on a line.
func (d Datapath) String() string {
	if d.Cores == "" {
		return d.Driver
	}
	return d.Driver + " cores " + d.Cores
}

func parseDatapath(text string) (Datapath, error) {
	w := strings.Split(text, " ")
	d := Datapath{Driver: w[0]}
	switch d.Driver {
	case DriverAuto, DriverPacket, DriverXDP:
	default:
		return Datapath{}, schema.ErrInvalid
	}
	switch {
	case len(w) == 1:
		return d, nil
	case len(w) != 3 || w[1] != "cores":
		return Datapath{}, schema.ErrInvalid
	}
	var err error
	d.Cores, err = coresType.Parse(w[2])
	return d, err
}

// compile returns the section of a module whose datapath is configured.
func compile(in feature.Input) (any, error) {
	path := append(vemPath(in.Module), tree.Elem{Name: "datapath"})
	d := feature.Read(in.Config, path, Datapath{})
	if d == (Datapath{}) {
		return nil, nil
	}
	p := Program{Driver: d.Driver}
	if d.Cores != "" {
		var err error
		if p.Cores, err = cores.Parse(d.Cores); err != nil {
			return nil, err
		}
	}
	return p, nil
}
