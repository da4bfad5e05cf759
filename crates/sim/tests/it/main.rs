//! Tests of the simulator.

