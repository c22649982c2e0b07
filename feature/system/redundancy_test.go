package system

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"trunkline/feature/featuretest"
)

// TestRedundancyLayout reads the screens as tools do (cli.md §11.23).
func TestRedundancyLayout(t *testing.T) {
	known := []string{
		``, `Redundancy (role|mode)`, `-+`, `(      administrative|         operational):   (standalone|primary|secondary|None|HA)`,
		`(This|Other) supervisor \(sup-(\d)\)`, `    (Redundancy|Supervisor) state:   (\S.*)`, `      Internal state:   (\S.*)`,
		`System start time:          \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}`,
		`(System uptime:             |Kernel uptime:             |Active supervisor uptime:  ) (\d+) days, (\d+) hours, (\d+) minutes, (\d+) seconds`,
	}
	for _, line := range []string{"show redundancy status", "show system redundancy status"} {
		s, err := featuretest.Show(t, Feature, query(), line)
		if err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(featuretest.Text(s)) {
			l = strings.TrimSuffix(l, "\n")
			if !slices.ContainsFunc(known, func(p string) bool { return regexp.MustCompile(`^(?:` + p + `)$`).MatchString(l) }) {
				t.Errorf("%s: a scraper does not know %q", line, l)
			}
		}
	}
}
