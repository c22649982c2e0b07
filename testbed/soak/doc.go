// Package soak proves that the card is correct at speed: numbered frames pass
// in both directions between two hosts, through the drivers and the pipeline of
// a card, for every pair of drivers and a pairwise cover of what the ends can
// offload. Below saturation none is lost, none doubled, none overtakes another
// of its flow, and every byte and checksum is right in whatever form the frame
// arrives: as the super-frame that was sent, or as its segments. Above
// saturation every frame that is missing was counted, with its reason.
//
//	host (AF_PACKET, or a vhost-user front end) ─ device ─ driver ┐
//	                                                              pipeline.Engine
//	host (AF_PACKET, or a vhost-user front end) ─ device ─ driver ┘
//
// A super-frame counts as the frames it stands for: each has a number.
//
// make test runs a thousandth; make soak the 10 million frames a pair.
package soak
