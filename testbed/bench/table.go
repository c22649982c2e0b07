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

type row struct {
	peer   peer
	metric string
	values []float64
}

func (t *table) add(p peer, metric string, v float64) {
	if !slices.Contains(t.metrics, metric) {
		t.metrics = append(t.metrics, metric)
	}
	for i := range t.rows {
		if r := &t.rows[i]; r.peer.name == p.name && r.peer.ports == p.ports && r.metric == metric {
			r.values = append(r.values, v)
			return
		}
	}
	t.rows = append(t.rows, row{p, metric, []float64{v}})
}

func (t *table) median(name, ports, metric string) (mid, low, high float64, ok bool) {
	for _, r := range t.rows {
		if r.peer.name == name && r.peer.ports == ports && r.metric == metric {
			v := slices.Clone(r.values)
			slices.Sort(v)
			return v[len(v)/2], v[0], v[len(v)-1], true
		}
	}
	return 0, 0, 0, false
}

// print writes one line a peer and metric: the median with its spread, and
// Trunkline's median on the same ports as a ratio to it. The bridge has veth
// ports only; TAP is compared with it too, the hosts being the same.
func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "%-6s %-20s %-14s %10s %21s %18s\n", "Ports", "Switch", "Metric", "Median", "Spread", "Trunkline / it")
	fmt.Fprintln(w, strings.Repeat("-", 94))
	for _, ports := range []string{"veth", "tap"} {
		for _, m := range t.metrics {
			ours, _, _, have := t.median("Trunkline", ports, m)
			for _, p := range peers {
				if p.ports != ports && (p.name != "Linux bridge") {
					continue
				}
				mid, low, high, ok := t.median(p.name, p.ports, m)
				if !ok {
					continue
				}
				ratio := ""
				if have && p.name != "Trunkline" && mid != 0 {
					ratio = fmt.Sprintf("%.2f", ours/mid)
				}
				fmt.Fprintf(w, "%-6s %-20s %-14s %10.3f %21s %18s\n", ports, p.name, m, mid,
					fmt.Sprintf("[%.3f..%.3f]", low, high), ratio)
			}
		}
	}
}
