package scheduler

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"trunkline/config/schema"
)

// Kind is how a time repeats.
type Kind uint8

// Kinds.
const (
	Never Kind = iota // no time is configured
	Daily
	Weekly
	Monthly
	Start
)

// When is when a schedule runs, by the clock on the wall of the switch's zone. The
// zero value is never.
type When struct {
	Kind Kind
	// Day is that of the week, 1 for Sunday, or of the month: months that are
	// shorter have it on their last day.
	Day          int
	Hour, Minute int
	// Of Start: the day, or From, the time from the commit on (1 ns for now), and
	// how much later it repeats, 0 for not at all. Repeats are counted in elapsed
	// time, whatever the clock does.
	Year  int
	Month time.Month
	From  time.Duration
	Every time.Duration
}

// resolve returns the moment that a time from now is: the next full minute.
func (w When) resolve(now time.Time) When {
	from := w.From
	if from == immediate {
		from = 0
	}
	at := now.Add(from)
	if full := at.Truncate(time.Minute); !full.Equal(at) {
		at = full.Add(time.Minute)
	} else if from == 0 {
		at = at.Add(time.Minute)
	}
	return When{Kind: Start, Year: at.Year(), Month: at.Month(), Day: at.Day(), Hour: at.Hour(), Minute: at.Minute(), Every: w.Every}
}

// immediate is From for now.
const immediate = time.Nanosecond

// Next returns the first time after a moment, in the zone of that moment; false if
// there is none. A time that the clock is put forward over is when it is put
// forward; one that comes twice is the first of the two.
func (w When) Next(after time.Time) (time.Time, bool) {
	y, m, d := after.Date()
	switch w.Kind {
	case Daily, Weekly:
		for i := range 9 {
			at := wall(y, m, d+i, w.Hour, w.Minute, after.Location())
			// The day of the week is that of the date, whatever the clock does.
			weekday := time.Date(y, m, d+i, 0, 0, 0, 0, time.UTC).Weekday()
			if at.After(after) && (w.Kind == Daily || int(weekday) == w.Day-1) {
				return at, true
			}
		}
	case Monthly:
		for i := range 3 {
			first := time.Date(y, m+time.Month(i), 1, 0, 0, 0, 0, time.UTC)
			last := first.AddDate(0, 1, -1).Day()
			if at := wall(first.Year(), first.Month(), min(w.Day, last), w.Hour, w.Minute, after.Location()); at.After(after) {
				return at, true
			}
		}
	case Start:
		if w.From != 0 {
			return time.Time{}, false // never committed
		}
		at := wall(w.Year, w.Month, w.Day, w.Hour, w.Minute, after.Location())
		if !at.After(after) && w.Every > 0 {
			at = at.Add((after.Sub(at)/w.Every + 1) * w.Every)
		}
		return at, at.After(after)
	}
	return time.Time{}, false
}

// wall is when the clock on the wall shows a time.
func wall(y int, m time.Month, d, hour, minute int, l *time.Location) time.Time {
	t := time.Date(y, m, d, hour, minute, 0, 0, l)
	begin, end := t.ZoneBounds()
	if t.Hour() != hour || t.Minute() != minute { // put forward over it
		if shown := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute; shown > time.Duration(hour)*time.Hour+time.Duration(minute)*time.Minute {
			return begin.In(l)
		}
		return end.In(l)
	}
	if begin.IsZero() {
		return t
	}
	_, now := t.Zone()
	_, was := begin.Add(-time.Nanosecond).Zone()
	if before := t.Add(-time.Duration(was-now) * time.Second); was > now && before.Before(begin) {
		return before
	}
	return t
}

// clockTime reads HH:MM.
func clockTime(s string) (hour, minute int, ok bool) {
	h, m, found := strings.Cut(s, ":")
	hour, a := number(h, 0, 23)
	minute, b := number(m, 0, 59)
	return hour, minute, found && a && b
}

func number(s string, low, high int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= low && n <= high && len(s) <= 4 && s[0] != '+' && s[0] != '-'
}

// elapsed reads DD:HH:MM, of days up to 366.
func elapsed(s string) (time.Duration, bool) {
	f := strings.SplitN(s, ":", 2)
	d, ok := number(f[0], 0, 366)
	if !ok || len(f) != 2 {
		return 0, false
	}
	h, m, ok := clockTime(f[1])
	return time.Duration(d)*24*time.Hour + time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, ok
}

func formatElapsed(d time.Duration) string {
	return fmt.Sprintf("%d:%02d:%02d", d/(24*time.Hour), d%(24*time.Hour)/time.Hour, d%time.Hour/time.Minute)
}

// parseWhen reads what follows "time".
func parseWhen(s string) (When, error) {
	f := strings.Fields(s)
	var w When
	ok := false
	switch {
	case len(f) == 2 && f[0] == "daily":
		w.Kind = Daily
		w.Hour, w.Minute, ok = clockTime(f[1])
	case len(f) == 2 && (f[0] == "weekly" || f[0] == "monthly"):
		w.Kind, w.Day = Weekly, 1
		last := 7
		if f[0] == "monthly" {
			w.Kind, last = Monthly, 31
		}
		day := true
		if strings.Count(f[1], ":") == 2 {
			first, rest, _ := strings.Cut(f[1], ":")
			w.Day, day = number(first, 1, last)
			f[1] = rest
		}
		w.Hour, w.Minute, ok = clockTime(f[1])
		ok = ok && day
	case len(f) > 1 && f[0] == "start":
		w, ok = parseStart(f[1])
		if ok && len(f) == 4 && f[2] == "repeat" {
			w.Every, ok = parseEvery(f[3])
		} else if len(f) != 2 {
			ok = false
		}
	}
	if !ok {
		return When{}, schema.ErrInvalid
	}
	return w, nil
}

// parseStart reads now, +DD:HH:MM or YYYY:MM:DD:HH:MM.
func parseStart(s string) (When, bool) {
	w := When{Kind: Start}
	if s == "now" {
		w.From = immediate
		return w, true
	}
	if rest, from := strings.CutPrefix(s, "+"); from {
		d, ok := elapsed(rest)
		w.From = max(d, immediate)
		return w, ok
	}
	f := strings.SplitN(s, ":", 4)
	if len(f) != 4 {
		return w, false
	}
	y, a := number(f[0], 2000, 2105)
	m, b := number(f[1], 1, 12)
	d, c := number(f[2], 1, 31)
	hour, minute, ok := clockTime(f[3])
	day := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	w.Year, w.Month, w.Day, w.Hour, w.Minute = y, time.Month(m), d, hour, minute
	return w, a && b && c && ok && day.Day() == d
}

// parseEvery reads DD:HH:MM or minutes.
func parseEvery(s string) (time.Duration, bool) {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		return time.Duration(n) * time.Minute, n >= 1 && n <= 527040
	}
	d, ok := elapsed(s)
	return d, ok && d > 0
}

// String is the time as it is configured.
func (w When) String() string {
	switch w.Kind {
	case Daily:
		return fmt.Sprintf("daily %02d:%02d", w.Hour, w.Minute)
	case Weekly:
		return fmt.Sprintf("weekly %d:%02d:%02d", w.Day, w.Hour, w.Minute)
	case Monthly:
		return fmt.Sprintf("monthly %d:%02d:%02d", w.Day, w.Hour, w.Minute)
	case Start:
		at := fmt.Sprintf("%d:%02d:%02d:%02d:%02d", w.Year, w.Month, w.Day, w.Hour, w.Minute)
		switch {
		case w.From == immediate:
			at = "now"
		case w.From != 0:
			at = "+" + formatElapsed(w.From)
		}
		if w.Every > 0 {
			at += " repeat " + formatElapsed(w.Every)
		}
		return "start " + at
	}
	return ""
}

// text is the type of one word of a time, which parseWhen reads in its place.
func text(name, notation, help, before string, samples ...string) schema.Type[string] {
	return schema.Type[string]{
		Name:   name,
		Syntax: schema.Syntax{Notation: notation, Help: help, Samples: samples},
		Parse: func(s string) (string, error) {
			if strings.ContainsAny(s, " \t\n") {
				return "", schema.ErrInvalid
			}
			_, err := parseWhen(before + " " + s)
			return s, err
		},
		Format: func(s string) string { return s },
	}
}

// when is the type of When.
var when = schema.Type[When]{
	Name: "scheduler-time",
	Syntax: schema.Syntax{
		Help:  "Time",
		Forms: []string{"daily <at>", "weekly <weekly>", "monthly <monthly>", "start <start> [repeat <every>]"},
		Types: map[string]schema.AnyType{
			"at":      text("scheduler-daily", "HH:MM", "Time of day", "daily", "02:00"),
			"weekly":  text("scheduler-weekly", "WORD", "[D:]HH:MM: day of the week, 1 for Sunday (default) to 7, and time of day", "weekly", "1:02:00"),
			"monthly": text("scheduler-monthly", "WORD", "[DD:]HH:MM: day of the month (default 1), the last one where it has none such, and time of day", "monthly", "31:02:00"),
			"start": text("scheduler-start", "WORD", "now, +DD:HH:MM from now, or YYYY:MM:DD:HH:MM", "start",
				"now", "+0:01:00", "2030:01:31:02:00"),
			"every": text("scheduler-repeat", "WORD", "DD:HH:MM, or minutes from 1 to 527040", "start now repeat", "0:01:00"),
		},
		Words: schema.Words{
			"daily": "Every day", "weekly": "Every week", "monthly": "Every month", "start": "Once, or from then on", "start repeat": "Repeat it",
		},
		Samples: []string{"daily 02:00", "weekly 1:02:00", "monthly 31:02:00", "start 2030:01:31:02:00 repeat 0:01:00"},
	},
	Parse:  parseWhen,
	Format: When.String,
}
