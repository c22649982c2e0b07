package scheduler

import (
	"testing"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
)

// cet has summer time from the last Sunday of March, 02:00, to that of October, 03:00.
var cet = feature.Zone{Name: "CET", Offset: time.Hour}.Location(feature.SummerTime{
	Name: "CEST", Forward: time.Hour,
	Begin: feature.Change{Week: 5, Day: time.Sunday, Month: time.March, Hour: 2},
	End:   feature.Change{Week: 5, Day: time.Sunday, Month: time.October, Hour: 3},
})

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name, when, after, want string // in UTC; want "" for never
		zone                    *time.Location
	}{
		{"later today", "daily 10:00", "2026-11-22 09:00:00", "2026-11-22 10:00", time.UTC},
		{"that very moment is over", "daily 10:00", "2026-11-22 10:00:00", "2026-11-23 10:00", time.UTC},
		{"end of a year", "daily 00:00", "2026-12-31 00:00:01", "2027-01-01 00:00", time.UTC},
		{"zone", "daily 00:30", "2026-11-22 23:00:00", "2026-11-22 23:30", cet},
		{"put forward over it", "daily 02:30", "2026-03-28 12:00:00", "2026-03-29 01:00", cet},
		{"the day after", "daily 02:30", "2026-03-29 01:00:00", "2026-03-30 00:30", cet},
		{"when it is put forward", "daily 03:00", "2026-03-28 12:00:00", "2026-03-29 01:00", cet},
		{"twice, the first", "daily 02:30", "2026-10-24 12:00:00", "2026-10-25 00:30", cet},
		{"twice, not again", "daily 02:30", "2026-10-25 00:30:00", "2026-10-26 01:30", cet},
		{"between the two", "daily 02:30", "2026-10-25 01:00:00", "2026-10-26 01:30", cet},
		{"Sunday", "weekly 10:00", "2026-11-22 10:00:00", "2026-11-29 10:00", time.UTC},
		{"Saturday", "weekly 7:10:00", "2026-11-22 10:00:00", "2026-11-28 10:00", time.UTC},
		{"Sunday that is put forward", "weekly 1:02:30", "2026-03-23 00:00:00", "2026-03-29 01:00", cet},
		{"first of the month", "monthly 10:00", "2026-11-22 10:00:00", "2026-12-01 10:00", time.UTC},
		{"31st of November", "monthly 31:10:00", "2026-11-22 10:00:00", "2026-11-30 10:00", time.UTC},
		{"after it", "monthly 31:10:00", "2026-11-30 10:00:00", "2026-12-31 10:00", time.UTC},
		{"from a long month", "monthly 31:10:00", "2027-01-31 10:00:00", "2027-02-28 10:00", time.UTC},
		{"leap year", "monthly 29:10:00", "2028-02-01 10:00:00", "2028-02-29 10:00", time.UTC},
		{"31st that is put back", "monthly 25:02:30", "2026-10-01 00:00:00", "2026-10-25 00:30", cet},
		{"once", "start 2026:12:24:18:00", "2026-11-22 10:00:00", "2026-12-24 18:00", time.UTC},
		{"once and over", "start 2026:11:22:10:00", "2026-11-22 10:00:00", "", time.UTC},
		{"again", "start 2026:11:22:10:00 repeat 0:01:30", "2026-11-22 13:00:00", "2026-11-22 14:30", time.UTC},
		{"again in summer", "start 2026:03:28:02:30 repeat 1:00:00", "2026-03-29 00:30:00", "2026-03-29 01:30", cet},
		{"again after years", "start 2000:01:01:00:00 repeat 1", "2026-11-22 13:00:30", "2026-11-22 13:01", time.UTC},
		{"not begun", "start 2026:12:24:18:00 repeat 5", "2026-11-22 13:00:00", "2026-12-24 18:00", time.UTC},
	} {
		w, err := parseWhen(c.when)
		if err != nil {
			t.Fatal(c.name, err)
		}
		after, err := time.Parse(time.DateTime, c.after)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if at, ok := w.Next(after.In(c.zone)); ok {
			got = at.UTC().Format("2006-01-02 15:04")
		}
		if got != c.want {
			t.Errorf("%s: %s after %s is %q, want %q", c.name, c.when, c.after, got, c.want)
		}
	}
}

// A time from now on is one of the clock once it is committed.
func TestResolve(t *testing.T) {
	for line, want := range map[string]string{
		"start now":                   "start 2026:11:22:09:16",
		"start +0:00:00":              "start 2026:11:22:09:16",
		"start +1:00:30 repeat 90":    "start 2026:11:23:09:46 repeat 0:01:30",
		"start +9:14:45 repeat 1440":  "start 2026:12:02:00:01 repeat 1:00:00",
		"start +366:00:00 repeat 366": "start 2027:11:23:09:16 repeat 0:06:06",
	} {
		w, err := parseWhen(line)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.resolve(time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)).String(); got != want {
			t.Errorf("%s is %s, want %s", line, got, want)
		}
	}
}

// FuzzWhen requires of every time that its printed form is the same time, and of
// the next one that it comes after.
func FuzzWhen(f *testing.F) {
	for _, s := range when.Syntax.Samples {
		f.Add(s, int64(1790000000))
	}
	f.Add("start now", int64(0))
	f.Add("start +0:01:00 repeat 5", int64(1793000000))
	f.Fuzz(func(t *testing.T, s string, unix int64) {
		w, err := parseWhen(s)
		if err != nil {
			return
		}
		if back, err := parseWhen(w.String()); err != nil || back != w {
			t.Fatalf("%q printed as %q is %+v, %v, not %+v", s, w, back, err, w)
		}
		after := time.Unix(unix%(1<<33), 0).In(cet)
		if at, ok := w.Next(after); ok && !at.After(after) {
			t.Fatalf("%q after %s is %s", s, after, at)
		}
	})
}

// FuzzCommands requires of every text that is lines of a job that they print as
// the same.
func FuzzCommands(f *testing.F) {
	for _, s := range append(commands.Syntax.Samples, "a\nb", "no x", "a\n\nb", "!x") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := commands.Parse(s)
		if err != nil {
			return
		}
		if back, err := commands.Parse(v); err != nil || back != v {
			t.Fatalf("%q is %q, which is %q, %v", s, v, back, err)
		}
	})
}

// What is committed is answered for by who changed it, whatever the candidate says.
func TestStamp(t *testing.T) {
	at := schedulePath("s")
	owner := func(t tree.Tree) string { return feature.Read(t, at.Child("owner"), "") }
	now := time.Date(2026, 11, 22, 9, 15, 2, 0, time.UTC)
	job := jobPath("j").Child("commands")
	base := tree.Tree{}.Set(job, "show clock").Set(at, nil).Set(at.Entry("job", "j"), nil).Set(at.Child("time"), When{Kind: Daily})
	one := Stamp(tree.Tree{}, base.Set(at.Child("owner"), "mallory"), "ann", now)
	if owner(one) != "ann" {
		t.Errorf("new: %q", owner(one))
	}
	for name, c := range map[string]struct {
		new  tree.Tree
		want string
	}{
		"nothing":         {one, "ann"},
		"another owner":   {one.Set(at.Child("owner"), "bob"), "ann"},
		"no owner":        {one.Delete(at.Child("owner")), "ann"},
		"something else":  {one.Set(jobPath("k").Child("commands"), "show clock"), "ann"},
		"another time":    {one.Set(at.Child("time"), When{Kind: Daily, Hour: 1}), "bob"},
		"another job":     {one.Set(at.Entry("job", "k"), nil), "bob"},
		"lines of its":    {one.Set(job, "reload"), "bob"},
		"its job is gone": {one.Delete(jobPath("j")), "bob"},
	} {
		if got := owner(Stamp(one, c.new, "bob", now)); got != c.want {
			t.Errorf("%s: %q answers, want %q", name, got, c.want)
		}
	}
}
