// Package grpc is the feature of the gNMI server: whether it is on (cli.md §4.2).
// It is the one feature besides SSH that is on until "no feature" turns it off.
package grpc

import (
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Config is what an operator sets.
type Config struct{ On bool }

// Feature is the feature.
var Feature = feature.Feature{
	Name: "grpc",
	Schema: schema.Group{
		Leaves: []schema.Leaf{
			schema.Bind("features/grpc", schema.Flag, func(c *Config) *bool { return &c.On },
				"feature grpc", "Enable/Disable the gNMI server").
				With(func(l *schema.Leaf) { l.Default, l.Section = true, schema.SectionFeatures }),
		},
		Words: schema.Words{"feature": "Command to enable/disable features"},
	},
}

// Enabled reports whether a configuration has the server on.
func Enabled(t tree.Tree) bool {
	return feature.Read(t, tree.Path{{Name: "features"}, {Name: "grpc"}}, true)
}
