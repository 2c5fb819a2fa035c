//! The bytes that come in, cut into frames (RFC 6455, 5.2).
//!
//! A data frame that is a message by itself needs no decision of the protocol but its size, and is
//! read here, straight from what the network gave. All else is passed on to tungstenite, frame by
//! frame: what controls the connection, what comes in fragments, what breaks a rule. Of that, this
//! counts what tungstenite does not tell: how many fragments a message is in, since fragments without
//! content could come for ever, and whether the rest of a message is missing.

/// What has come in and is not understood yet.
#[derive(Debug)]
pub(super) struct Inbound {
    /// What is kept until more of it comes: the beginning of a frame, or what came after one.
    kept: Vec<u8>,
    /// How much of that is done with.
    done: usize,
    /// A server's peer masks what it sends, and a client's does not.
    is_masked: bool,
    max_size: u64,
    max_fragments: u32,
    /// Of the message that has begun, if one has.
    fragments: u32,
    /// The frame that is being passed on, and what is missing of it.
    passing: Option<(u8, u64)>,
    finished: u64,
}

/// What comes next.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Piece<'a> {
    /// A whole message, without its mask.
    Message { is_text: bool, payload: Vec<u8> },
    /// Bytes for tungstenite, of one frame at most.
    Passed(&'a [u8]),
    /// A message is in more fragments than it may be.
    Flood,
    /// A part of a frame that is read whole.
    Part,
}

/// What an idle connection keeps of its memory for what comes in.
const IDLE: usize = 256;

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CONTROL: u8 = 8;
const MASKED: u8 = 0x80;

/// The first bytes of a frame.
#[derive(Clone, Copy, Debug)]
struct Head {
    first: u8,
    mask: Option<[u8; 4]>,
    /// Its own.
    length: usize,
    payload: u64,
}

impl Head {
    /// The head that the bytes begin with, if all of it is there.
    fn read(bytes: &[u8]) -> Option<Self> {
        let [first, second, rest @ ..] = bytes else {
            return None;
        };
        let (payload, rest, long) = match second & !MASKED {
            126 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (u16::from_be_bytes(*length).into(), rest, 2)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk::<8>()?;
                (u64::from_be_bytes(*length), rest, 8)
            }
            short => (short.into(), rest, 0),
        };
        let mask = match second & MASKED {
            0 => None,
            _ => Some(*rest.first_chunk::<4>()?),
        };
        Some(Self {
            first: *first,
            mask,
            length: 2 + long + if mask.is_some() { 4 } else { 0 },
            payload,
        })
    }

    fn is_data(self) -> bool {
        self.first & OPCODE < CONTROL
    }
}

impl Inbound {
    /// With what was read of the stream before. Messages and frames above `max_size` are tungstenite's
    /// to refuse.
    pub(super) fn new(read: Vec<u8>, is_masked: bool, max_size: usize, max_fragments: u32) -> Self {
        Self {
            kept: read,
            done: 0,
            is_masked,
            max_size: max_size.try_into().unwrap_or(u64::MAX),
            max_fragments,
            fragments: 0,
            passing: None,
            finished: 0,
        }
    }

    /// Nothing is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.done >= self.kept.len()
    }

    /// What is kept of what was read before, which comes before anything else, to be looked at and
    /// [put back](Self::put_back).
    pub(super) fn take(&mut self) -> Kept {
        Kept {
            bytes: std::mem::take(&mut self.kept),
            done: std::mem::take(&mut self.done),
        }
    }

    /// Puts back what was taken, of which so many bytes are not used.
    pub(super) fn put_back(&mut self, mut kept: Kept, unused: usize) {
        kept.done = kept.bytes.len().saturating_sub(unused);
        if unused == 0 {
            kept.bytes.clear();
            kept.done = 0;
            if kept.bytes.capacity() > IDLE {
                return;
            }
        }
        self.kept = kept.bytes;
        self.done = kept.done;
    }

    /// Keeps what comes after all that is kept.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        if self.done > 0 {
            self.kept.drain(..self.done);
            self.done = 0;
        }
        self.kept.extend_from_slice(bytes);
    }

    /// A part of a message or of a frame has been passed on, and not its end.
    pub(super) fn is_within_message(&self) -> bool {
        self.passing.is_some() || self.fragments > 0
    }

    /// How many messages have come in, if a part of another has.
    pub(super) fn unfinished(&self) -> Option<u64> {
        let is_within = !self.is_empty() || self.is_within_message();
        is_within.then_some(self.finished)
    }

    /// Takes the next piece off the bytes, of which there are some.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Piece<'a> {
        if let Some((first, missing)) = self.passing {
            return self.pass(first, missing, bytes);
        }
        let Some(head) = Head::read(bytes) else {
            return Piece::Part;
        };
        if !self.is_whole_message(head) {
            if self.begin(head) {
                return Piece::Flood;
            }
            let length = u64::try_from(head.length).unwrap_or(u64::MAX);
            return self.pass(head.first, head.payload.saturating_add(length), bytes);
        }
        let end = usize::try_from(head.payload)
            .ok()
            .and_then(|payload| payload.checked_add(head.length));
        let Some((frame, rest)) = end.and_then(|end| bytes.split_at_checked(end)) else {
            return Piece::Part;
        };
        *bytes = rest;
        self.finished = self.finished.wrapping_add(1);
        let payload = frame.get(head.length..).unwrap_or_default();
        Piece::Message {
            is_text: head.first & OPCODE == TEXT,
            payload: unmasked(payload, head.mask),
        }
    }

    fn is_whole_message(&self, head: Head) -> bool {
        head.first & (FINAL | RESERVED) == FINAL
            && matches!(head.first & OPCODE, TEXT | BINARY)
            && head.mask.is_some() == self.is_masked
            && head.payload <= self.max_size
            && self.fragments == 0
    }

    /// Counts a frame that is passed on, and says whether it is a fragment too many.
    fn begin(&mut self, head: Head) -> bool {
        if !head.is_data() {
            return false;
        }
        if head.first & OPCODE != CONTINUATION {
            self.fragments = 0;
        }
        self.fragments = self.fragments.saturating_add(1);
        self.fragments > self.max_fragments
    }

    /// Passes on what there is of a frame.
    fn pass<'a>(&mut self, first: u8, missing: u64, bytes: &mut &'a [u8]) -> Piece<'a> {
        let here = usize::try_from(missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
        let (passed, rest) = bytes.split_at(here);
        *bytes = rest;
        let missing = missing - u64::try_from(here).unwrap_or(missing);
        self.passing = (missing > 0).then_some((first, missing));
        if missing == 0 {
            self.end(first);
        }
        Piece::Passed(passed)
    }

    fn end(&mut self, first: u8) {
        if first & FINAL != 0 && first & OPCODE < CONTROL {
            self.fragments = 0;
        }
        // A control frame within a message does not bring the message further.
        if self.fragments == 0 {
            self.finished = self.finished.wrapping_add(1);
        }
    }
}

/// What was kept, while it is looked at.
#[derive(Debug)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    done: usize,
}

impl Kept {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.done..).unwrap_or_default()
    }
}

/// RFC 6455, 5.3.
fn unmasked(payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut payload = payload.to_vec();
    let Some([a, b, c, d]) = mask else {
        return payload;
    };
    let mask = [a, b, c, d, a, b, c, d];
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ u64::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    /// A masked frame.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            size @ 0..126 => frame.push(0x80 | u8::try_from(size).unwrap()),
            size @ 126..0x1_0000 => {
                frame.push(0xfe);
                frame.extend(u16::try_from(size).unwrap().to_be_bytes());
            }
            size => {
                frame.push(0xff);
                frame.extend(u64::try_from(size).unwrap().to_be_bytes());
            }
        }
        frame.extend(MASK);
        let masks = MASK.iter().cycle();
        frame.extend(payload.iter().zip(masks).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// Messages read here, what was passed on, and whether it was a flood.
    #[derive(Debug, Default, Eq, PartialEq)]
    struct Found {
        messages: Vec<(bool, Vec<u8>)>,
        passed: Vec<u8>,
        is_flooded: bool,
    }

    fn inbound(max_fragments: u32) -> Inbound {
        Inbound::new(Vec::new(), true, 100_000, max_fragments)
    }

    /// As a connection does: what is kept, and then what comes.
    fn feed(inbound: &mut Inbound, bytes: &[u8], found: &mut Found) {
        inbound.keep(bytes);
        let kept = inbound.take();
        let mut rest = kept.bytes();
        while !rest.is_empty() {
            match inbound.next(&mut rest) {
                Piece::Message { is_text, payload } => {
                    found.messages.push((is_text, payload.to_vec()));
                }
                Piece::Passed(bytes) => found.passed.extend(bytes),
                Piece::Part => break,
                Piece::Flood => {
                    found.is_flooded = true;
                    break;
                }
            }
        }
        let unused = rest.len();
        inbound.put_back(kept, unused);
    }

    /// Whole and byte by byte.
    fn check(bytes: &[u8], max_fragments: u32, expected: &Found) -> Inbound {
        let mut whole = inbound(max_fragments);
        let mut found = Found::default();
        feed(&mut whole, bytes, &mut found);
        assert_eq!(found, *expected);
        let mut each = inbound(max_fragments);
        let mut found = Found::default();
        for byte in bytes {
            if !found.is_flooded {
                feed(&mut each, std::slice::from_ref(byte), &mut found);
            }
        }
        assert_eq!(found, *expected);
        assert_eq!(each.unfinished(), whole.unfinished());
        whole
    }

    fn passed(bytes: &[u8]) -> Found {
        Found {
            passed: bytes.to_vec(),
            ..Found::default()
        }
    }

    #[test]
    fn whole_messages_are_read_whatever_their_length() {
        for size in [0, 1, 7, 8, 125, 126, 65_535, 65_536, 70_000] {
            let payload: Vec<u8> = (0..=255).cycle().take(size).collect();
            let bytes = frame(0x82, &payload).repeat(2);
            let expected = Found {
                messages: vec![(false, payload.clone()); 2],
                ..Found::default()
            };
            let inbound = check(&bytes, 1, &expected);
            assert_eq!(inbound.unfinished(), None);
            assert_eq!(inbound.finished, 2);
            let expected = Found {
                messages: vec![(false, payload); 1],
                ..Found::default()
            };
            let inbound = check(&bytes[..bytes.len() - 1], 1, &expected);
            assert_eq!(inbound.unfinished(), Some(1));
        }
    }

    #[test]
    fn what_breaks_a_rule_is_passed_on() {
        let mut unmasked = vec![0x81, 5];
        unmasked.extend(b"hello");
        check(&unmasked, 1, &passed(&unmasked));
        for first in [0xc1, 0x83, 0x8b, 0x88, 0x80] {
            let bytes = frame(first, b"hello");
            check(&bytes, 1, &passed(&bytes));
        }
        let large = frame(0x81, &vec![0; 100_001]);
        check(&large, 1, &passed(&large));
    }

    #[test]
    fn a_message_within_another_is_passed_on() {
        let bytes = [frame(0x01, b"a"), frame(0x81, b"b")].concat();
        check(&bytes, 9, &passed(&bytes));
    }

    #[test]
    fn fragments_are_counted_for_each_message() {
        let message = [frame(0x01, b"12345"), frame(0x00, b""), frame(0x80, b"6")].concat();
        let inbound = check(&message.repeat(5), 3, &passed(&message.repeat(5)));
        assert_eq!((inbound.finished, inbound.unfinished()), (5, None));
        // What comes before the fragment too many is still acted upon.
        let flood = Found {
            is_flooded: true,
            ..passed(&[frame(0x01, b"12345"), frame(0x00, b"")].concat())
        };
        check(&message, 2, &flood);
        // Pings in between are no fragments.
        let pings = frame(0x89, b"").repeat(9);
        let pinged = [frame(0x01, b"12345"), pings, frame(0x80, b"6")].concat();
        check(&pinged, 2, &passed(&pinged));
    }

    #[test]
    fn a_ping_within_a_message_does_not_finish_it() {
        let bytes = [frame(0x01, b"12345"), frame(0x89, b"abc")].concat();
        assert_eq!(check(&bytes, 9, &passed(&bytes)).unfinished(), Some(0));
    }

    #[test]
    fn a_length_that_nobody_has_is_passed_on() {
        let mut head = vec![0x81, 0xff];
        head.extend(u64::MAX.to_be_bytes());
        head.extend([0; 4]);
        assert_eq!(check(&head, 1, &passed(&head)).unfinished(), Some(0));
    }

    #[test]
    fn an_idle_connection_keeps_next_to_nothing() {
        let mut inbound = inbound(1);
        feed(
            &mut inbound,
            &frame(0x82, &[0; 70_000]),
            &mut Found::default(),
        );
        assert_eq!(inbound.kept.capacity(), 0);
    }
}
