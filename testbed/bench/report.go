package main

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// report writes the results as Markdown, with a chart for each kind of port.
func report(dir string, t *table, o options) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Bench of %s\n\n", time.Now().Format(time.DateOnly))
	fmt.Fprintf(&b, "Written by `make bench PEERS=1`: %d alternating rounds of %v a measurement, medians, on %s.\n", o.rounds, o.length, machine())
	b.WriteString("Growth by ports and workers is one round. How to read it: [performance](../performance.md).\n")
	for _, ports := range kinds {
		lines := t.lines(ports)
		if len(lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s ports\n\n![%s](%s.svg)\n\n| Metric | Switch | Median | Spread | %s / it |\n|---|---|---|---|---|\n", ports, ports, ports, ours)
		for _, l := range lines {
			fmt.Fprintf(&b, "| %s | %s | %.3g | %.3g to %.3g | %s |\n", l.metric, l.name, l.mid, l.low, l.high, l.over())
		}
		if err := os.WriteFile(filepath.Join(dir, ports+".svg"), []byte(chart(ports, lines)), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "README.md"), []byte(b.String()), 0o644)
}

// machine describes what was measured on.
func machine() string {
	var u unix.Utsname
	release := "unknown"
	if unix.Uname(&u) == nil {
		release = unix.ByteSliceToString(u.Release[:])
	}
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for l := range strings.Lines(string(text)) {
			if k, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == "model name" {
				model = strings.TrimSpace(v)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores (%s), Linux %s, %s, load %s at the end", runtime.NumCPU(), model, release, runtime.Version(), load())
}

// Measures of the chart in pixels.
const (
	chartBar   = 14
	chartLeft  = 320
	chartWidth = 420
	chartGap   = 12
)

// colours of the switches, by order of appearance; Trunkline has the first.
var colours = []string{"#0b6e4f", "#c44536", "#3d5a80", "#e09f3e", "#7d7d7d", "#8e6c88", "#2a9d8f"}

// chart draws one bar for each switch and metric, scaled to the best of the
// metric.
func chart(title string, lines []line) string {
	names := []string{ours}
	var metrics []string
	best := map[string]float64{}
	for _, l := range lines {
		if !slices.Contains(names, l.name) {
			names = append(names, l.name)
		}
		if !slices.Contains(metrics, l.metric) {
			metrics = append(metrics, l.metric)
		}
		best[l.metric] = max(best[l.metric], l.mid)
	}
	var b strings.Builder
	y := 40
	text := func(x, y int, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(s))
	}
	text(8, 20, "start", title+" ports: each metric scaled to its largest value")
	for _, m := range metrics {
		first := true
		for _, l := range lines {
			if l.metric != m {
				continue
			}
			if first {
				text(8, y+chartBar-3, "start", m)
				first = false
			}
			width := 0
			if best[m] > 0 {
				width = int(l.mid / best[m] * chartWidth)
			}
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n",
				chartLeft, y, max(width, 1), chartBar-2, colours[slices.Index(names, l.name)%len(colours)])
			text(chartLeft+max(width, 1)+6, y+chartBar-3, "start", fmt.Sprintf("%.3g  %s", l.mid, l.name))
			y += chartBar
		}
		y += chartGap
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n"+
		`<rect width="100%%" height="100%%" fill="white"/>`+"\n%s</svg>\n", chartLeft+chartWidth+200, y+8, b.String())
}
