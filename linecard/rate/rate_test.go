package rate

import (
	"testing"
	"time"
)

func TestSteadyRateIsReached(t *testing.T) {
	var m Meter
	at := time.Unix(1000, 0)
	var c Totals
	for range 3000 {
		m.Sample(at, c)
		at = at.Add(time.Second)
		c.RxOctets += 125
		c.RxFrames += 10
	}
	for i, r := range m.Rates() {
		if r.RxBits < 999 || r.RxBits > 1001 || r.RxFrames != 10 || r.TxBits != 0 || r.TxFrames != 0 {
			t.Errorf("interval %v: %+v, want 1000 bits and 10 frames per second", intervals[i], r)
		}
	}
}

func TestShortIntervalFollowsFirst(t *testing.T) {
	var m Meter
	at := time.Unix(1000, 0)
	m.Sample(at, Totals{})
	m.Sample(at.Add(30*time.Second), Totals{TxFrames: 3000})
	r := m.Rates()
	if r[0].TxFrames != 63 || r[1].TxFrames != 10 {
		t.Errorf("after one burst: %+v, want 63 and 10 (1-1/e, 1-e^-0.1 of 100)", r)
	}
}

func TestClearedCountersGiveNoSpike(t *testing.T) {
	var m Meter
	at := time.Unix(1000, 0)
	m.Sample(at, Totals{RxOctets: 1e9})
	m.Sample(at.Add(time.Second), Totals{})
	m.Sample(at.Add(2*time.Second), Totals{RxOctets: 0})
	if r := m.Rates()[0]; r.RxBits != 0 {
		t.Errorf("rate after clearing is %d bits/s, want 0", r.RxBits)
	}
}
