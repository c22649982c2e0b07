package vethernet

import (
	"context"
	"fmt"

	"trunkline/config/schema"
	"trunkline/feature"
)

var number = schema.Uint("vethernet-number", "Vethernet interface number", 1, feature.MaxVethernet)

var execs = []feature.Exec{
	{
		Line:  "attach vethernet <number> <owner>",
		Types: map[string]schema.AnyType{"number": number, "owner": OwnerType},
		Words: schema.Words{"attach": "Attach a port to its owner", "attach vethernet": "Virtual Ethernet interface"},
		Help:  "Virtual Ethernet interface",
		Run:   attach,
	},
	{
		Line:  "detach vethernet <number>",
		Types: map[string]schema.AnyType{"number": number},
		Words: schema.Words{"detach": "Detach a port from its owner", "detach vethernet": "Virtual Ethernet interface"},
		Help:  "Virtual Ethernet interface",
		Run:   detach,
	},
}

func attach(ctx context.Context, q feature.Query, host feature.Host, _ feature.Output) error {
	n, _ := feature.Value[uint32](q.Args, "number")
	o, _ := feature.Value[Owner](q.Args, "owner")
	port := fmt.Sprintf("Vethernet%d", n)
	return host.Commit(ctx, q.Session, fmt.Sprintf("attach vethernet %d %s", n, o),
		feature.Edit{Path: feature.InterfacePath(port, "owner"), Value: o})
}

func detach(ctx context.Context, q feature.Query, host feature.Host, _ feature.Output) error {
	n, _ := feature.Value[uint32](q.Args, "number")
	port := fmt.Sprintf("Vethernet%d", n)
	path := feature.InterfacePath(port, "owner")
	if !q.Running.Exists(feature.InterfacePath(port)) {
		return feature.NoInterface(port)
	}
	if !q.Running.Exists(path) {
		return feature.Error("ERROR: " + port + " is not attached.")
	}
	return host.Commit(ctx, q.Session, fmt.Sprintf("detach vethernet %d", n), feature.Edit{Path: path, Delete: true})
}
