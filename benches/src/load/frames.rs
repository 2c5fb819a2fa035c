//! Frames of RFC 6455, as far as somebody has to know them who sends the same ones again and again,
//! and counts what comes back.

/// A text frame as clients send it. The mask is zero: what has to be unmasked has to be all the same.
pub(crate) fn masked(payload: &str) -> Vec<u8> {
    let mut frame = head(payload.len(), 0x80);
    frame.extend([0; 4]);
    frame.extend(payload.as_bytes());
    frame
}

/// A text frame as servers send it.
pub(crate) fn unmasked(payload: &str) -> Vec<u8> {
    let mut frame = head(payload.len(), 0);
    frame.extend(payload.as_bytes());
    frame
}

fn head(length: usize, mask: u8) -> Vec<u8> {
    let mut head = vec![0x81];
    if let Ok(length @ 0..126) = u8::try_from(length) {
        head.push(mask | length);
    } else if let Ok(length) = u16::try_from(length) {
        head.push(mask | 126);
        head.extend(length.to_be_bytes());
    } else {
        head.push(mask | 127);
        head.extend((length as u64).to_be_bytes());
    }
    head
}

/// Counts the frames that a server sends.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// What is there of a head that is not whole.
    head: Vec<u8>,
    /// Bytes of the payload that are still to come, and whether it is a message's.
    left: usize,
    is_message: bool,
}

impl Frames {
    /// The messages that end in these bytes; or the server's close frame.
    pub(crate) fn count(&mut self, mut bytes: &[u8]) -> Result<u64, String> {
        let mut count = 0;
        loop {
            if self.left > 0 {
                let taken = self.left.min(bytes.len());
                bytes = bytes.get(taken..).unwrap_or_default();
                self.left -= taken;
                if self.left > 0 {
                    return Ok(count);
                }
                count += u64::from(self.is_message);
            }
            if self.head.is_empty() {
                // Nearly always the frame is whole.
                while let [first, length @ 0..126, rest @ ..] = bytes {
                    let Some(rest) = rest.get(usize::from(*length)..) else {
                        break;
                    };
                    if first & 0x0f == 8 {
                        return Err(format!("the server closes: {bytes:?}"));
                    }
                    count += u64::from(first & 0x0f < 8);
                    bytes = rest;
                }
            }
            let Some((byte, rest)) = bytes.split_first() else {
                return Ok(count);
            };
            self.head.push(*byte);
            bytes = rest;
            if let Some(length) = length(&self.head) {
                let opcode = self.head.first().map_or(0, |first| first & 0x0f);
                if opcode == 8 {
                    return Err(format!("the server closes: {bytes:?}"));
                }
                self.is_message = opcode < 8;
                self.left = length;
                self.head.clear();
                if length == 0 {
                    count += u64::from(self.is_message);
                }
            }
        }
    }
}

/// The payload's, if the head is whole.
fn length(head: &[u8]) -> Option<usize> {
    match head {
        [_, length @ 0..=125] => Some(usize::from(*length)),
        [_, 126, high, low] => Some(usize::from(u16::from_be_bytes([*high, *low]))),
        [_, 127, length @ ..] => {
            let length = <[u8; 8]>::try_from(length).ok()?;
            usize::try_from(u64::from_be_bytes(length)).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_however_they_are_cut() {
        for size in [0, 1, 125, 126, 1000, 65_535, 70_000] {
            let bytes = unmasked(&"x".repeat(size)).repeat(3);
            for cut in [1, 2, 3, 7, 64, 4096, bytes.len()] {
                let mut frames = Frames::default();
                let counts = bytes.chunks(cut).map(|part| frames.count(part).unwrap());
                assert_eq!(counts.sum::<u64>(), 3, "{size} {cut}");
            }
        }
    }

    #[test]
    fn control_frames_do_not_count() {
        let mut bytes = unmasked("a");
        bytes.extend([0x89, 1, b'p']);
        bytes.extend(unmasked("b"));
        assert_eq!(Frames::default().count(&bytes), Ok(2));
        assert!(Frames::default().count(&[0x88, 0]).is_err());
    }
}
