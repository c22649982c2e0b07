// Package rate turns counters that only grow into the averages of show
// interface: bits and frames per second over 30 seconds and over 300.
//
// The averages decay exponentially, as load intervals do: a sample that is one
// interval old still weighs 37 %. A meter costs a few words a port and needs no
// history.
package rate

import (
	"math"
	"time"

	"trunkline/linecard/api"
)

// Intervals are the load intervals of a port (cli.md §11.7).
var intervals = [2]time.Duration{30 * time.Second, 300 * time.Second}

// Totals are the counters that rates are made of.
type Totals struct{ RxOctets, RxFrames, TxOctets, TxFrames uint64 }

// Meter averages one port. The zero value is ready; it is not for concurrent
// use.
type Meter struct {
	at   time.Time
	last [4]uint64
	avg  [2][4]float64 // per second
}

// Sample takes the counters as they are at a time. Counters that went back, as
// after clearing, start anew.
func (m *Meter) Sample(at time.Time, t Totals) {
	now := [4]uint64{t.RxOctets, t.RxFrames, t.TxOctets, t.TxFrames}
	dt := at.Sub(m.at)
	first := m.at.IsZero()
	was := m.last
	m.at, m.last = at, now
	if first || dt <= 0 {
		return
	}
	for k, v := range now {
		if v < was[k] {
			return
		}
	}
	for i, interval := range intervals {
		weight := 1 - math.Exp(-dt.Seconds()/interval.Seconds())
		for k, v := range now {
			rate := float64(v-was[k]) / dt.Seconds()
			m.avg[i][k] += weight * (rate - m.avg[i][k])
		}
	}
}

// Rates returns the averages, rounded.
func (m *Meter) Rates() [2]api.Rates {
	var out [2]api.Rates
	for i, a := range m.avg {
		out[i] = api.Rates{
			RxBits: uint64(a[0]*8 + 0.5), RxFrames: uint64(a[1] + 0.5),
			TxBits: uint64(a[2]*8 + 0.5), TxFrames: uint64(a[3] + 0.5),
		}
	}
	return out
}
