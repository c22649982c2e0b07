// Package chassis is what automation asks of any chassis and a virtual one
// answers in few words: fans and power supplies, licences, the device context,
// boot variables and core dumps (cli.md §11.23). Nothing of it can
// be configured.
package chassis

import (
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

// Feature is the feature.
var Feature = feature.Feature{Name: "chassis", Show: shows}

var words = schema.Words{
	"show environment":             "Environment of the chassis",
	"show environment fan":         "Fans",
	"show environment power":       "Power supplies",
	"show environment temperature": "Temperature sensors",
	"show license":                 "Licenses",
	"show license host-id":         "Identity that licenses are bound to",
	"show license usage":           "Licenses in use",
}

var shows = []feature.Show{
	{Line: "show environment", Words: words, Help: "Environment of the chassis", Run: environment(fan, power)},
	{Line: "show environment fan", Words: words, Help: "Fans", Run: environment(fan)},
	{Line: "show environment power", Words: words, Help: "Power supplies", Run: environment(power)},
	{Line: "show environment temperature", Words: words, Help: "Temperature sensors", Run: environment(temperature)},
	{Line: "show license", Words: words, Help: "Licenses", Run: showLicense},
	{Line: "show license host-id", Words: words, Help: "Identity that licenses are bound to", Run: showHostID},
	{Line: "show license usage", Words: words, Help: "Licenses in use", Run: showUsage},
	{Line: "show vdc", Help: "Virtual device contexts", Run: showContexts},
	{Line: "show boot", Help: "Boot variables", Run: showBoot},
	{Line: "show cores", Help: "Core dumps", Run: showCores},
}

// Parts that a virtual chassis has none of: their headings stand alone.
var (
	fan         = feature.Section{Name: "faninfo", Heading: "Fan:\n"}
	power       = feature.Section{Name: "psinfo", Heading: "Power Supply:\n"}
	temperature = feature.Section{Name: "tempinfo", Heading: "Temperature:\n"}
)

func environment(parts ...feature.Section) func(feature.Query) (feature.Screen, error) {
	return func(feature.Query) (feature.Screen, error) {
		screen := make(feature.Screen, len(parts))
		for i, p := range parts {
			if i > 0 {
				p.Heading = "\n" + p.Heading
			}
			screen[i] = p
		}
		return screen, nil
	}
}

// showLicense: the product needs none.
func showLicense(feature.Query) (feature.Screen, error) {
	return feature.Screen{{Name: "lic", Heading: "No license is installed; none is needed.\n"}}, nil
}

func showHostID(q feature.Query) (feature.Screen, error) {
	id := "VDH=" + serial(q)
	return feature.Screen{{Heading: "License hostid: " + id + "\n", Keys: []feature.Pair{{Key: "host_id", Value: id}}}}, nil
}

func serial(q feature.Query) string {
	if s := q.State.Supervisor.Serial; s != "" {
		return s
	}
	return "NA"
}

func showUsage(feature.Query) (feature.Screen, error) {
	rule := strings.Repeat("-", 80) + "\n"
	return feature.Screen{{
		Name: "show_lic_usage",
		Heading: "Feature                      Ins  Lic   Status Expiry Date Comments\n" +
			"                                 Count\n" + rule,
		Footer: rule,
	}}, nil
}
