package chassis

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
	"trunkline/internal/ether"
)

var now = time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)

func query() feature.Query {
	return feature.Query{
		Now: now, Running: tree.Tree{}.Set(tree.Path{{Name: "system"}, {Name: "hostname"}}, "vsm1"),
		State: &feature.State{Supervisor: feature.Supervisor{
			Started: time.Date(2026, 11, 10, 6, 7, 21, 0, time.UTC), Boot: time.Date(2026, 11, 10, 6, 6, 42, 0, time.UTC),
			Serial: "T56A1B2C3D4", MAC: ether.MAC{2, 0xfe, 0xc, 0x6c, 0x5a, 0xa8},
		}},
	}
}

// lines are the anchored patterns by command, of what a strict scraper knows.
var lines = map[string][]string{
	"show environment":             {``, `Fan:`, `Power Supply:`},
	"show environment fan":         {`Fan:`},
	"show environment power":       {`Power Supply:`},
	"show environment temperature": {`Temperature:`},
	"show license":                 {`No license is installed; none is needed\.`},
	"show license host-id":         {`License hostid: VDH=\w+`},
	"show license usage": {
		`Feature                      Ins  Lic   Status Expiry Date Comments`, ` {33}Count`, `-{80}`,
	},
	"show vdc": {
		``, `vdc_id +vdc_name +state +mac +type +lc`, `------ +-------- +----- +---------- +--------- +------`,
		`(\d+) +(\S+) +(active) +([\da-f]{2}(:[\da-f]{2}){5}) +Ethernet +None`,
	},
	"show boot":  {``, `Current Boot Variables:`, `Boot Variables on next reload:`, `sup-1`, `NXOS variable not set`, `No module boot variable set`},
	"show cores": {`VDC  Module  Instance  Process-name     PID       Date\(Year-Month-Day Time\)`, `[- ]+`},
}

func TestScreens(t *testing.T) {
	for _, c := range shows {
		known := lines[c.Line]
		if known == nil {
			t.Errorf("%s has no patterns", c.Line)
		}
		name := strings.ReplaceAll(strings.TrimPrefix(c.Line, "show "), " ", "-")
		for suffix, q := range map[string]feature.Query{"": query(), "-bare": {Now: now, State: &feature.State{}}} {
			t.Run(name+suffix, func(t *testing.T) {
				s, err := featuretest.Show(t, Feature, q, c.Line)
				if err != nil {
					t.Fatal(err)
				}
				if suffix == "" {
					featuretest.Golden(t, name, s)
				}
				for l := range strings.Lines(featuretest.Text(s)) {
					l = strings.TrimSuffix(l, "\n")
					if !slices.ContainsFunc(known, func(p string) bool { return regexp.MustCompile(`^(?:` + p + `)$`).MatchString(l) }) {
						t.Errorf("a scraper does not know %q", l)
					}
				}
			})
		}
	}
}
