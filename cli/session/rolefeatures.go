package session

import (
	"slices"

	"trunkline/cli/grammar"
	"trunkline/config/schema"
	"trunkline/feature"
)

// roleFeatures is show role feature: the features that rules of roles may name,
// which only the product as a whole knows.
func (c *CLI) roleFeatures() grammar.Command {
	names := []string{ownFeature}
	for _, f := range c.product.Features {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return grammar.Command{
		Template: "show role feature", Help: "Features that rules of roles may name", Feature: ownFeature,
		Words: schema.Words{"show": builtinWords["show"], "show role": "Roles of users"},
		Tag: showAction(feature.Show{Run: func(feature.Query) (feature.Screen, error) {
			return feature.Screen{{Name: "feature", Rows: feature.Rows(names,
				func(name string) string { return "feature: " + name + "\n" },
				func(name string) []feature.Pair { return []feature.Pair{{Key: "name", Value: name}} },
			)}}, nil
		}}),
	}
}
