package clock

import (
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
)

func TestLocation(t *testing.T) {
	for _, c := range []struct {
		zone, summer string
		at, want     string // RFC 3339 in UTC; as show clock has it
	}{
		{"CET 1 0", "CEST 5 Sunday March 02:00 5 Sunday October 03:00 60", "2026-03-29T00:59:59Z", "01:59:59 CET"},
		{"CET 1 0", "CEST 5 Sunday March 02:00 5 Sunday October 03:00 60", "2026-03-29T01:00:00Z", "03:00:00 CEST"},
		{"CET 1 0", "CEST 5 Sunday March 02:00 5 Sunday October 03:00 60", "2026-10-25T00:59:59Z", "02:59:59 CEST"},
		{"CET 1 0", "CEST 5 Sunday March 02:00 5 Sunday October 03:00 60", "2026-10-25T01:00:00Z", "02:00:00 CET"},
		{"NZST 12 0", "NZDT 5 Sunday September 02:00 1 Sunday April 03:00 60", "2026-01-15T00:00:00Z", "13:00:00 NZDT"},
		{"NZST 12 0", "NZDT 5 Sunday September 02:00 1 Sunday April 03:00 60", "2026-07-15T00:00:00Z", "12:00:00 NZST"},
		{"NST -3 30", "", "2026-07-15T00:00:00Z", "20:30:00 NST"},
		{"X -0 0", "", "2026-07-15T00:00:00Z", "00:00:00 X"},
		{"A 0 30", "", "2026-07-15T00:00:00Z", "00:30:00 A"},
	} {
		z, err := parseZone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		config := tree.Tree{}.Set(tree.Path{{Name: "clock"}, {Name: "timezone"}}, z)
		if c.summer != "" {
			s, err := parseSummerTime(c.summer)
			if err != nil {
				t.Fatal(err)
			}
			config = config.Set(tree.Path{{Name: "clock"}, {Name: "summer-time"}}, s)
		}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := at.In(feature.Location(config)).Format("15:04:05 MST"); got != c.want {
			t.Errorf("%s in %s, %s: %s, want %s", c.at, c.zone, c.summer, got, c.want)
		}
	}
	if l := feature.Location(tree.Tree{}); l != time.UTC {
		t.Errorf("none: %v", l)
	}
}

func TestMoment(t *testing.T) {
	where := feature.Zone{Name: "CET", Offset: time.Hour}.Location(feature.SummerTime{
		Name: "CEST", Forward: time.Hour,
		Begin: feature.Change{Week: 5, Month: time.March, Hour: 2}, End: feature.Change{Week: 5, Month: time.October, Hour: 3},
	})
	at, err := moment(2026, "July", 15, 9*time.Hour+15*time.Minute+2*time.Second, where)
	if err != nil || at.UTC().Format(time.RFC3339) != "2026-07-15T07:15:02Z" {
		t.Errorf("%v, %v", at, err)
	}
	if at, err := moment(2026, "April", 31, 0, where); err == nil {
		t.Errorf("31 April is %v", at)
	}
	if at, err := moment(2026, "March", 29, 150*time.Minute, where); err == nil {
		t.Errorf("a time that is passed over is %v", at)
	}
}

func FuzzSummerTime(f *testing.F) {
	for _, s := range summerTime.Syntax.Samples {
		f.Add(s, "CET 1 0")
	}
	f.Add("X 1 Sunday March 2:0 1 sunday march 25:00 0", "NST -3 30")
	f.Fuzz(func(t *testing.T, summer, name string) {
		s, err := parseSummerTime(summer)
		z, err2 := parseZone(name)
		if err != nil || err2 != nil {
			return
		}
		if back, err := parseSummerTime(summerTime.Format(s)); err != nil || back != s {
			t.Fatalf("%q is %+v, which is %+v, %v", summer, s, back, err)
		}
		if back, err := parseZone(zone.Format(z)); err != nil || back != z {
			t.Fatalf("%q is %+v, which is %+v, %v", name, z, back, err)
		}
		if _, offset := time.Unix(1e9, 0).In(z.Location(s)).Zone(); offset != int(z.Offset/time.Second) && offset != int((z.Offset+s.Forward)/time.Second) {
			t.Fatalf("%q, %q: %d s", summer, name, offset)
		}
	})
}
