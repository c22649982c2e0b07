package interfaces

import (
	"fmt"
	"time"
)

// shortSpeed is a speed in tables: 10G, 1000.
func shortSpeed(mbps uint32) string {
	if mbps >= 10000 && mbps%1000 == 0 {
		return fmt.Sprintf("%dG", mbps/1000)
	}
	return fmt.Sprint(mbps)
}

// longSpeed is a speed in blocks: 10 Gb/s, 1000 Mb/s.
func longSpeed(mbps uint32) string {
	if mbps >= 10000 && mbps%1000 == 0 {
		return fmt.Sprintf("%d Gb/s", mbps/1000)
	}
	return fmt.Sprintf("%d Mb/s", mbps)
}

// load is a rate as a share of 255 of the speed, at least 1.
func load(bits uint64, mbps uint32) uint64 {
	return max(1, min(255, bits*255/(uint64(mbps)*1e6)))
}

// since is the time between an event and now as blocks print it: never,
// 00:04:12, 3d04h, 2week(s) 3day(s).
func since(event, now time.Time) string {
	if event.IsZero() {
		return "never"
	}
	s := int64(max(0, now.Sub(event)) / time.Second)
	const day, week = 86400, 7 * 86400
	switch {
	case s >= week:
		return fmt.Sprintf("%dweek(s) %dday(s)", s/week, s%week/day)
	case s >= day:
		return fmt.Sprintf("%dd%02dh", s/day, s%day/3600)
	}
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}
