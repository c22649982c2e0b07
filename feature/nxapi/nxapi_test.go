package nxapi

import (
	"testing"
	"time"

	"trunkline/feature"
	"trunkline/feature/featuretest"
)

// TestShow shows the server as it runs, as it cannot, and with plain HTTP.
func TestShow(t *testing.T) {
	running := feature.NXAPI{
		HTTPS: 443, Cookie: 10 * time.Minute, Command: 5 * time.Minute,
		Issuer: "CN=trunkline,O=Trunkline", Expires: time.Date(2046, 11, 2, 7, 4, 5, 0, time.UTC),
	}
	plain := running
	plain.HTTP = 80
	down := running
	down.HTTPS = 0
	for golden, s := range map[string]feature.State{
		"https": {NXAPI: running}, "both": {NXAPI: plain}, "down": {NXAPI: down, Down: map[string]bool{"nxapi": true}},
	} {
		screen, err := featuretest.Show(t, Feature, feature.Query{State: &s}, "show nxapi")
		if err != nil {
			t.Fatal(err)
		}
		featuretest.Golden(t, golden, screen)
	}
}
