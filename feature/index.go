package feature

import "trunkline/config/tree"

// PortsByKind finds interfaces by what KindOf says of their names, mgmt0 too.
var PortsByKind = tree.NewIndex(interfacesPath, func(name string, _ tree.Tree) string { return KindOf(name) })

// PortsByProfile finds interfaces by the port-profile they inherit themselves.
var PortsByProfile = tree.NewIndex(interfacesPath, func(_ string, entry tree.Tree) string { return Read(entry, inheritPath, "") })

var inheritPath = tree.Path{{Name: "inherit"}}
