package system

import (
	"fmt"
	"time"

	"trunkline/config/tree"
	"trunkline/feature"
)

// showClock is the time, and where it comes from.
func showClock(q feature.Query) (feature.Screen, error) {
	return feature.Screen{clockSection(q)}, nil
}

func clockSection(q feature.Query) feature.Section {
	now, source := q.Now.Format("15:04:05.000 MST Mon Jan 02 2006"), "local"
	heading := now + "\n"
	if q.State != nil && q.State.Clock.Sets { // as against a clock that is only compared
		source = "NTP"
		heading += "Time source is NTP\n"
	}
	return feature.Section{
		Heading: heading,
		Keys:    []feature.Pair{{Key: "simple_time", Value: now}, {Key: "time_source", Value: source}},
	}
}

// showClockDetail is the time with the configured zone and summer time.
func showClockDetail(q feature.Query) (feature.Screen, error) {
	at := tree.Path{{Name: "clock"}}
	zone := feature.Read(q.Running, at.Child("timezone"), feature.Zone{})
	summer := feature.Read(q.Running, at.Child("summer-time"), feature.SummerTime{})
	s := clockSection(q)
	add := func(label, key string, value any) {
		s.Heading += fmt.Sprintf("%-14s: %v\n", label, value)
		s.Keys = append(s.Keys, feature.Pair{Key: key, Value: value})
	}
	name := zone.Name
	if name == "" {
		name = "UTC"
	}
	s.Heading += "\nTime zone\n"
	add("Name", "timezone_name", name)
	add("Offset", "timezone_offset", offset(zone.Offset))
	s.Heading += "\nSummer time\n"
	if summer == (feature.SummerTime{}) {
		add("Name", "summer_time_name", "none")
		return feature.Screen{s}, nil
	}
	add("Name", "summer_time_name", summer.Name)
	add("Starts", "summer_time_starts", change(summer.Begin))
	add("Ends", "summer_time_ends", change(summer.End))
	add("Minute offset", "summer_time_offset", int(summer.Forward/time.Minute))
	return feature.Screen{s}, nil
}

// offset is an offset from UTC, east positive.
func offset(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign = "-"
	}
	d = d.Abs()
	return fmt.Sprintf("%s%02d:%02d", sign, d/time.Hour, d%time.Hour/time.Minute)
}

// change is when clocks are changed, in the order of the line that configures it.
func change(c feature.Change) string {
	return fmt.Sprintf("%d %s %s at %02d:%02d", c.Week, c.Day, c.Month, c.Hour, c.Minutes)
}
