//! Times, to within two percent, in a fixed room.

/// Each power of two has so many buckets.
const STEPS: u32 = 64;

/// Counts of times in nanoseconds.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        let buckets = vec![0; (u64::BITS * STEPS) as usize];
        Self { buckets, count: 0 }
    }

    pub(crate) fn add(&mut self, value: u64) {
        if let Some(bucket) = self.buckets.get_mut(bucket(value)) {
            *bucket += 1;
            self.count += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The time that this part of all does not exceed.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let wanted = (self.count as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                return lowest(index);
            }
        }
        0.0
    }
}

fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(STEPS.ilog2() + 1);
    (shift as usize * STEPS as usize) + (value >> shift) as usize
}

fn lowest(bucket: usize) -> f64 {
    let steps = STEPS as usize;
    if bucket < 2 * steps {
        return bucket as f64;
    }
    let shift = bucket / steps - 1;
    (bucket - shift * steps) as f64 * 2f64.powi(i32::try_from(shift).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_within_two_percent() {
        let mut histogram = Histogram::new();
        (1..=100_000).for_each(|value| histogram.add(value * 1000));
        for (part, expected) in [(0.5, 5e7), (0.99, 9.9e7), (0.999, 9.99e7)] {
            let found = histogram.quantile(part);
            assert!((found / expected - 1.0).abs() < 0.02, "{found} {expected}");
        }
    }
}
