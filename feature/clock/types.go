package clock

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
)

// zoneName is the type of names of zones: what fits a screen in one word.
var zoneName = func() schema.Type[string] {
	t := schema.Word("zone-name", "Name of the zone", 8)
	word := t.Parse
	t.Syntax.Samples = []string{"CET", "PST", "UTC+5"}
	t.Parse = func(s string) (string, error) {
		for _, c := range []byte(s) {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '-') {
				return "", schema.ErrInvalid
			}
		}
		return word(s)
	}
	return t
}()

// hours is the type of hours east of UTC, from -23.
var hours = schema.Type[int]{
	Name:   "zone-hours",
	Syntax: schema.Syntax{Notation: "<-23..23>", Help: "Hours from UTC, from -23 to 23", Samples: []string{"1", "-8", "0"}},
	Parse: func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, schema.ErrInvalid
		}
		if n < -23 || n > 23 {
			return 0, schema.ErrRange(-23, 23)
		}
		return n, nil
	},
	Format: strconv.Itoa,
}

var minutes = schema.Uint("zone-minutes", "Minutes from UTC", 0, 59)

var zone = schema.Type[feature.Zone]{
	Name: "timezone",
	Syntax: schema.Syntax{
		Help: "Time zone", Forms: []string{"<name> <hours> <minutes>"},
		Types:   map[string]schema.AnyType{"name": zoneName, "hours": hours, "minutes": minutes},
		Samples: []string{"CET 1 0", "PST -8 0", "NST -3 30"},
	},
	Parse: parseZone,
	Format: func(z feature.Zone) string {
		return fmt.Sprintf("%s %d %d", z.Name, z.Offset/time.Hour, z.Offset.Abs()%time.Hour/time.Minute)
	},
}

func parseZone(s string) (z feature.Zone, err error) {
	w := strings.Split(s, " ")
	if len(w) != 3 {
		return z, schema.ErrInvalid
	}
	name, err := zoneName.Parse(w[0])
	if err != nil {
		return z, err
	}
	h, err := hours.Parse(w[1])
	if err != nil {
		return z, err
	}
	m, err := minutes.Parse(w[2])
	if err != nil {
		return z, err
	}
	offset := time.Duration(h) * time.Hour
	if h < 0 {
		offset -= time.Duration(m) * time.Minute
	} else {
		offset += time.Duration(m) * time.Minute
	}
	return feature.Zone{Name: name, Offset: offset}, nil
}

// keywords is the type of the names of days or months.
func keywords(name, help string, first, n int, text func(int) string) schema.Type[string] {
	var all []schema.Keyword
	for i := range n {
		all = append(all, schema.Keyword{Text: text(first + i), Help: help})
	}
	return schema.Enum(name, all...)
}

var (
	weekday = keywords("weekday", "Day of the week", 0, 7, func(i int) string { return time.Weekday(i).String() })
	month   = keywords("month", "Month", 1, 12, func(i int) string { return time.Month(i).String() })
	week    = schema.Uint("week", "Week of the month, 5 for the last", 1, 5)
	forward = schema.Uint("summer-offset", "Minutes that clocks are put forward", 1, 1440)
)

// index returns the number of a name, from first.
func index(name string, first, n int, text func(int) string) (int, error) {
	for i := first; i < first+n; i++ {
		if text(i) == name {
			return i, nil
		}
	}
	return 0, errNone
}

func monthOf(name string) time.Month {
	m, err := index(name, 1, 12, func(i int) string { return time.Month(i).String() })
	if err != nil {
		return time.January // not of the type
	}
	return time.Month(m)
}

// of returns the type of times of day, with seconds or without.
func of(name, notation, layout, sample string) schema.Type[time.Duration] {
	return schema.Type[time.Duration]{
		Name:   name,
		Syntax: schema.Syntax{Notation: notation, Help: "Time of day", Samples: []string{sample}},
		Parse: func(s string) (time.Duration, error) {
			t, err := time.Parse(layout, s)
			if err != nil || len(s) > len(layout) {
				return 0, schema.ErrInvalid
			}
			return t.Sub(t.Truncate(24 * time.Hour)), nil
		},
		Format: func(d time.Duration) string { return time.Time{}.Add(d).Format(layout) },
	}
}

var (
	clockTime = of("clock-time", "HH:MM:SS", "15:04:05", "09:15:00")
	changeAt  = of("change-time", "HH:MM", "15:04", "02:00")
)

var summerTime = schema.Type[feature.SummerTime]{
	Name: "summer-time",
	Syntax: schema.Syntax{
		Help:  "Summer time",
		Forms: []string{"<name> <week> <day> <month> <time> <end-week> <end-day> <end-month> <end-time> <offset>"},
		Types: map[string]schema.AnyType{
			"name": zoneName, "week": week, "day": weekday, "month": month, "time": changeAt,
			"end-week": week, "end-day": weekday, "end-month": month, "end-time": changeAt, "offset": forward,
		},
		Samples: []string{"CEST 5 Sunday March 02:00 5 Sunday October 03:00 60", "PDT 2 Sunday March 02:00 1 Sunday November 02:00 60"},
	},
	Parse: parseSummerTime,
	Format: func(s feature.SummerTime) string {
		change := func(c feature.Change) string {
			return fmt.Sprintf("%d %s %s %02d:%02d", c.Week, c.Day, c.Month, c.Hour, c.Minutes)
		}
		return fmt.Sprintf("%s %s %s %d", s.Name, change(s.Begin), change(s.End), s.Forward/time.Minute)
	},
}

func parseSummerTime(text string) (s feature.SummerTime, err error) {
	w := strings.Split(text, " ")
	if len(w) != 10 {
		return s, schema.ErrInvalid
	}
	if s.Name, err = zoneName.Parse(w[0]); err != nil {
		return feature.SummerTime{}, err
	}
	if s.Begin, err = parseChange(w[1:5]); err != nil {
		return feature.SummerTime{}, err
	}
	if s.End, err = parseChange(w[5:9]); err != nil {
		return feature.SummerTime{}, err
	}
	n, err := forward.Parse(w[9])
	if err != nil {
		return feature.SummerTime{}, err
	}
	s.Forward = time.Duration(n) * time.Minute
	return s, nil
}

func parseChange(w []string) (c feature.Change, err error) {
	n, err := week.Parse(w[0])
	if err != nil {
		return c, err
	}
	day, err := weekday.Parse(w[1])
	if err != nil {
		return c, err
	}
	name, err := month.Parse(w[2])
	if err != nil {
		return c, err
	}
	at, err := changeAt.Parse(w[3])
	if err != nil {
		return c, err
	}
	d, err := index(day, 0, 7, func(i int) string { return time.Weekday(i).String() })
	if err != nil {
		return c, schema.ErrInvalid
	}
	return feature.Change{
		Week: int(n), Day: time.Weekday(d), Month: monthOf(name), Hour: int(at / time.Hour), Minutes: int(at/time.Minute) % 60,
	}, nil
}
