// Package clock is the feature of the switch's clock: the time zone and the summer
// time that times are shown in, and setting it (cli.md §9.1, §10).
//
// What is kept, and what is told to programs, is in UTC.
package clock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
)

// Config is what an operator sets.
type Config struct {
	Zone       feature.Zone
	SummerTime feature.SummerTime
}

// section of show running-config, behind the lines of ntp.
const section = 13

// Feature is the feature.
var Feature = feature.Feature{
	Name: "clock",
	Schema: schema.Group{
		Leaves: []schema.Leaf{
			schema.Bind("clock/timezone", zone, func(c *Config) *feature.Zone { return &c.Zone },
				"clock timezone <zone>", "Time zone that times are shown in").
				With(func(l *schema.Leaf) { l.Section, l.Order = section, 20 }),
			schema.Bind("clock/summer-time", summerTime, func(c *Config) *feature.SummerTime { return &c.SummerTime },
				"clock summer-time <summer-time>", "When clocks are put forward").
				With(func(l *schema.Leaf) { l.Section, l.Order = section, 21 }),
		},
		Words: schema.Words{"clock": "Manage the clock"},
	},
	Exec: []feature.Exec{{
		Line: "clock set <time> <day> <month> <year>", Help: "Set the clock",
		Words: schema.Words{"clock": "Manage the clock"},
		Types: map[string]schema.AnyType{
			"time": clockTime, "day": schema.Uint("clock-day", "Day of the month", 1, 31), "month": month,
			"year": schema.Uint("clock-year", "Year", 2000, 2105),
		},
		Run: set,
	}},
}

// set sets the clock of the machine.
func set(ctx context.Context, q feature.Query, host feature.Host, _ feature.Output) error {
	at, _ := feature.Value[time.Duration](q.Args, "time")
	day, _ := feature.Value[uint32](q.Args, "day")
	name, _ := feature.Value[string](q.Args, "month")
	year, _ := feature.Value[uint32](q.Args, "year")
	to, err := moment(int(year), name, int(day), at, feature.Location(q.Running))
	if err != nil {
		return err
	}
	if err := host.SetClock(ctx, to); err != nil {
		return feature.Error("ERROR: The clock cannot be set: " + err.Error())
	}
	return nil
}

// moment is a time of the clock on the wall.
func moment(year int, name string, day int, at time.Duration, where *time.Location) (time.Time, error) {
	m := monthOf(name)
	// The 31st of April is the 1st of May to Go.
	if d := time.Date(year, m, day, 0, 0, 0, 0, time.UTC); d.Day() != day {
		return time.Time{}, feature.Error(fmt.Sprintf("ERROR: %s %d has no day %d.", name, year, day))
	}
	h, min, s := int(at/time.Hour), int(at/time.Minute)%60, int(at/time.Second)%60
	to := time.Date(year, m, day, h, min, s, 0, where)
	if to.Hour() != h || to.Minute() != min {
		return time.Time{}, feature.Error("ERROR: Clocks are put forward over that time.")
	}
	return to, nil
}

var errNone = errors.New("not a name")
