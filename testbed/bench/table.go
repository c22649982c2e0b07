package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// table collects samples and prints medians, spreads and ratios.
type table struct {
	rows    []row
	metrics []string
}

// row holds the samples of one metric of one switch.
type row struct {
	name, ports string
	metric      string
	values      []float64
}

func (t *table) add(p peer, metric string, v float64) {
	if !slices.Contains(t.metrics, metric) {
		t.metrics = append(t.metrics, metric)
	}
	for i := range t.rows {
		if r := &t.rows[i]; r.name == p.name && r.ports == p.ports && r.metric == metric {
			r.values = append(r.values, v)
			return
		}
	}
	t.rows = append(t.rows, row{p.name, p.ports, metric, []float64{v}})
}

// spread returns the median and the extremes.
func (r row) spread() (mid, low, high float64) {
	v := slices.Sorted(slices.Values(r.values))
	return v[len(v)/2], v[0], v[len(v)-1]
}

// line is one line of a result: a switch, a metric, and Trunkline's median on the
// same kind of port as a ratio to the switch's.
type line struct {
	row
	mid, low, high float64
	ratio          float64 // 0: none
}

// lines returns the results of a kind of port. The bridge has veth ports only;
// TAP is compared with it too, the hosts being the same.
func (t *table) lines(ports string) []line {
	const nothing = 1e-4 // of any metric: the switch does not carry such frames
	var all []line
	for _, m := range t.metrics {
		var base float64
		for _, r := range t.rows {
			if r.name == ours && r.ports == ports && r.metric == m {
				base, _, _ = r.spread()
			}
		}
		for _, r := range t.rows {
			if r.metric != m || r.ports != ports && (ports != tap || r.name != bridge || base == 0) {
				continue
			}
			l := line{row: r}
			l.mid, l.low, l.high = r.spread()
			if base != 0 && l.mid > nothing && r.name != ours {
				l.ratio = base / l.mid
			}
			all = append(all, l)
		}
	}
	return all
}

// kinds are the kinds of port in the order of the report.
var kinds = []string{veth, tap, vhost}

// print writes one line a switch and metric: the median with its spread, and
// the ratio.
func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "%-6s %-20s %-40s %10s %21s %15s\n", "Ports", "Switch", "Metric", "Median", "Spread", ours+" / it")
	fmt.Fprintln(w, strings.Repeat("-", 117))
	for _, ports := range kinds {
		for _, l := range t.lines(ports) {
			fmt.Fprintf(w, "%-6s %-20s %-40s %10.3f %21s %15s\n", ports, l.name, l.metric, l.mid,
				fmt.Sprintf("[%.3f..%.3f]", l.low, l.high), l.over())
		}
	}
}

// over writes the ratio.
func (l line) over() string {
	if l.ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", l.ratio)
}
