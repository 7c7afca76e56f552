//! Do messages follow each other? The venues' rules.

/// How a venue numbers its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Each message has the number after the one before (Kalshi, Bybit).
    Contiguous,
    /// A message covers `first..=last`, and `first` is the number after the last one's (Binance spot: `U`, `u`).
    Range,
    /// A message names the number of the one before (Binance futures: `pu`).
    Linked,
}

/// The numbers of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The first update that it covers; for contiguous numbering, its number.
    pub first: u64,
    /// The last update that it covers.
    pub last: u64,
    /// The number of the message before, where messages name it.
    pub previous: u64,
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Apply it.
    Yes,
    /// The snapshot holds it already: leave it out.
    Stale,
    /// Something is missing before it: a fresh snapshot is needed.
    Gap,
}

/// Where a stream of messages stands.
#[derive(Clone, Copy, Debug)]
pub struct Sequence {
    rule: Rule,
    last: Option<u64>,
    after_snapshot: bool,
}

impl Sequence {
    /// A stream of which nothing was seen; its first message follows.
    pub fn new(rule: Rule) -> Sequence {
        Sequence { rule, last: None, after_snapshot: false }
    }

    /// A snapshot that holds everything up to and including `last`.
    pub fn snapshot(&mut self, last: u64) {
        self.last = Some(last);
        self.after_snapshot = true;
    }

    /// Checks a message against those before and takes its number as the last one.
    ///
    /// The first message after a snapshot may begin inside of it: it has to cover the update after the snapshot's
    /// last one (for linked messages, the snapshot's last one itself suffices, as Binance's futures documentation has it).
    pub fn follow(&mut self, message: Numbers) -> Follows {
        let Some(last) = self.last else {
            self.last = Some(message.last);
            return Follows::Yes;
        };
        if self.after_snapshot {
            let is_stale = if self.rule == Rule::Linked { message.last < last } else { message.last <= last };
            if is_stale {
                return Follows::Stale;
            }
        }
        let follows = match (self.rule, self.after_snapshot) {
            (Rule::Contiguous, _) => message.first == last.wrapping_add(1),
            (Rule::Range | Rule::Linked, true) => message.first <= last.wrapping_add(1),
            (Rule::Range, false) => message.first == last.wrapping_add(1),
            (Rule::Linked, false) => message.previous == last,
        };
        self.last = Some(message.last);
        self.after_snapshot = false;
        if follows { Follows::Yes } else { Follows::Gap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(first: u64, last: u64, previous: u64) -> Numbers {
        Numbers { first, last, previous }
    }

    #[test]
    fn linked_messages_join_a_snapshot_and_name_the_one_before() {
        let mut stream = Sequence::new(Rule::Linked);
        stream.snapshot(100);
        assert_eq!(stream.follow(numbers(80, 99, 79)), Follows::Stale);
        assert_eq!(stream.follow(numbers(95, 110, 94)), Follows::Yes);
        assert_eq!(stream.follow(numbers(115, 120, 110)), Follows::Yes, "numbers may be left out, links not");
        assert_eq!(stream.follow(numbers(121, 130, 119)), Follows::Gap);
        assert_eq!(stream.follow(numbers(131, 140, 130)), Follows::Yes, "a gap is told once");
    }

    #[test]
    fn ranges_are_seamless() {
        let mut stream = Sequence::new(Rule::Range);
        stream.snapshot(100);
        assert_eq!(stream.follow(numbers(90, 100, 0)), Follows::Stale);
        assert_eq!(stream.follow(numbers(99, 105, 0)), Follows::Yes);
        assert_eq!(stream.follow(numbers(106, 106, 0)), Follows::Yes);
        assert_eq!(stream.follow(numbers(108, 109, 0)), Follows::Gap);
        stream.snapshot(200);
        assert_eq!(stream.follow(numbers(202, 203, 0)), Follows::Gap);
    }

    #[test]
    fn contiguous_numbers_count_up() {
        let mut stream = Sequence::new(Rule::Contiguous);
        assert_eq!(stream.follow(numbers(7, 7, 0)), Follows::Yes);
        assert_eq!(stream.follow(numbers(8, 8, 0)), Follows::Yes);
        assert_eq!(stream.follow(numbers(8, 8, 0)), Follows::Gap);
    }
}
