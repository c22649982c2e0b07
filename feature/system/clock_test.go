package system

import (
	"strings"
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/featuretest"
)

func TestClockDetail(t *testing.T) {
	zone := feature.Zone{Name: "NST", Offset: -(3*time.Hour + 30*time.Minute)}
	summer := feature.SummerTime{
		Name: "NDT", Forward: time.Hour, Begin: feature.Change{Week: 2, Day: time.Sunday, Month: time.March, Hour: 2},
		End: feature.Change{Week: 1, Day: time.Sunday, Month: time.November, Hour: 2, Minutes: 5},
	}
	at := tree.Path{{Name: "clock"}}
	configured := tree.Tree{}.Set(at.Child("timezone"), zone).Set(at.Child("summer-time"), summer)
	for _, c := range []struct {
		name string
		t    tree.Tree
		want []string
	}{
		{"nothing", tree.Tree{}, []string{"\nTime zone\nName          : UTC\nOffset        : +00:00\n", "\nSummer time\nName          : none\n"}},
		{"both", configured, []string{
			" NDT Wed Jul 01 2026\n", "Name          : NST\nOffset        : -03:30\n",
			"Name          : NDT\nStarts        : 2 Sunday March at 02:00\nEnds          : 1 Sunday November at 02:05\nMinute offset : 60\n",
		}},
	} {
		now := time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC).In(feature.Location(c.t))
		screen, err := showClockDetail(feature.Query{Running: c.t, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		text := featuretest.Text(screen)
		for _, w := range c.want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in\n%s", c.name, w, text)
			}
		}
	}
}
