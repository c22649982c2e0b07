package feature

import (
	"maps"

	"trunkline/config/schema"
	"trunkline/config/tree"
)

// features is the container of the switches that turn features on and off.
const features = "features"

// Gate gives a feature that is off until "feature NAME" its switch (cli.md §4.2):
// while it is off, its lines and commands are not in the grammar and its sections
// are not compiled; turning it off removes its configuration. Title is what the
// help of the switch calls it: "LLDP".
func Gate(title string, f Feature) Feature { return GateLine(title, "feature "+f.Name, f) }

// GateLine is Gate with another line for the switch than "feature NAME". Help
// texts of its words but the first and the last are the feature's.
func GateLine(title, line string, f Feature) Feature {
	f.Gated = true
	gate := schema.Bind(features+"/"+f.Name, schema.Flag, func(on *gate) *bool { return &on.bool },
		line, "Enable/Disable "+title).With(func(l *schema.Leaf) { l.Section = schema.SectionFeatures })
	f.Schema.Gate = &gate
	words := schema.Words{"feature": "Command to enable/disable features"}
	maps.Copy(words, f.Schema.Words)
	f.Schema.Words = words
	return f
}

// gate is a switch as configuration.
type gate struct{ bool }

// Enabled reports whether the feature is on: one that is not gated always is.
func (f Feature) Enabled(t tree.Tree) bool {
	return !f.Gated || Read(t, tree.Path{{Name: features}, {Name: f.Name}}, false)
}

// GatePath is the path of the feature's switch, names only, "" if it has none.
func (f Feature) GatePath() string {
	if !f.Gated {
		return ""
	}
	return features + "/" + f.Name
}
