package feature

import (
	"fmt"
	"strings"
	"time"

	"trunkline/config/tree"
)

var clockRoot = tree.Path{{Name: "clock"}}

// Location returns the time zone of a configuration, with its summer time: UTC
// if none is configured.
func Location(t tree.Tree) *time.Location {
	zone, summer := Read(t, clockRoot.Child("timezone"), Zone{}), Read(t, clockRoot.Child("summer-time"), SummerTime{})
	if zone == (Zone{}) && summer == (SummerTime{}) {
		return time.UTC
	}
	return zone.Location(summer)
}

// Zone is a time zone. The zero value is UTC.
type Zone struct {
	Name   string        // "CET"
	Offset time.Duration // east of UTC, less than a day
}

// SummerTime is when clocks are put forward, every year. The zero value is never.
type SummerTime struct {
	Name       string // "CEST"
	Begin, End Change
	Forward    time.Duration // 0 to 24 h
}

// Change is when clocks are changed, by the clock before it.
type Change struct {
	Week    int // of the month, 1 to 5; 5 is the last
	Day     time.Weekday
	Month   time.Month
	Hour    int // 0 to 23
	Minutes int
}

// posix is the change as POSIX writes it (TZ, XBD 8.3).
func (c Change) posix() string {
	return fmt.Sprintf("M%d.%d.%d/%d:%02d", c.Month, c.Week, c.Day, c.Hour, c.Minutes)
}

// posixOffset is an offset as POSIX writes it: west is positive.
func posixOffset(east time.Duration) string {
	sign := "-"
	if east < 0 {
		sign, east = "", -east
	}
	return fmt.Sprintf("%s%d:%02d", sign, east/time.Hour, east%time.Hour/time.Minute)
}

// Location returns the zone with a summer time as Go knows zones.
func (z Zone) Location(s SummerTime) *time.Location {
	if z.Name == "" {
		z.Name = "UTC"
	}
	if s == (SummerTime{}) {
		return time.FixedZone(z.Name, int(z.Offset/time.Second))
	}
	rule := fmt.Sprintf("<%s>%s<%s>%s,%s,%s", z.Name, posixOffset(z.Offset), s.Name, posixOffset(z.Offset+s.Forward), s.Begin.posix(), s.End.posix())
	l, err := time.LoadLocationFromTZData(z.Name, zoneFile(z, rule))
	if err != nil { // not of the schema
		return time.FixedZone(z.Name, int(z.Offset/time.Second))
	}
	return l
}

// zoneFile is a file of a zone that follows a rule at all times (RFC 8536 §3):
// one type of local time, no transitions, and the rule.
func zoneFile(z Zone, rule string) []byte {
	var b strings.Builder
	for range 2 { // the second part is that of version 2, and counts
		b.WriteString("TZif2" + strings.Repeat("\x00", 15))
		for _, n := range []int{0, 0, 0, 0, 1, len(z.Name) + 1} { // of types 1, of the characters of their names
			word(&b, n)
		}
		word(&b, int(z.Offset/time.Second))
		b.WriteString("\x00\x00" + z.Name + "\x00")
	}
	b.WriteString("\n" + rule + "\n")
	return []byte(b.String())
}

// word writes a number of four bytes.
func word(b *strings.Builder, n int) {
	for _, shift := range []uint{24, 16, 8, 0} {
		b.WriteByte(byte(uint32(int32(n)) >> shift))
	}
}
