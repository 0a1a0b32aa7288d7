//! Questions that wait for their answer.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::model::{Endpoint, HostName, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Question {
    client: Endpoint,
    server: Endpoint,
    id: u16,
    kind: u16,
    name: HostName,
}

/// Open questions, bounded in number and time; the oldest goes first.
#[derive(Debug)]
pub(in crate::inspect) struct Questions {
    open: HashMap<Question, Timestamp, RandomState>,
    order: VecDeque<(Timestamp, Question)>,
    max: usize,
    timeout: Duration,
    unmatched: u64,
    unanswered: u64,
    pushed_out: u64,
    malformed: u64,
    truncated: u64,
}

impl Questions {
    pub(in crate::inspect) fn new(max: usize, timeout: Duration) -> Self {
        Self {
            open: HashMap::default(),
            order: VecDeque::new(),
            max,
            timeout,
            unmatched: 0,
            unanswered: 0,
            pushed_out: 0,
            malformed: 0,
            truncated: 0,
        }
    }

    pub(super) fn ask(
        &mut self,
        client: Endpoint,
        server: Endpoint,
        id: u16,
        (name, kind): &(HostName, u16),
        at: Timestamp,
    ) {
        self.expire(at);
        while self.order.len() >= self.max {
            self.pushed_out += 1;
            self.drop_oldest();
        }
        let question = Question { client, server, id, kind: *kind, name: name.clone() };
        // A repeated question keeps waiting from its first time.
        if !self.open.contains_key(&question) {
            self.open.insert(question.clone(), at);
            self.order.push_back((at, question));
        }
    }

    /// Whether an answer meets an open question, which it closes.
    pub(super) fn answered(
        &mut self,
        client: Endpoint,
        server: Endpoint,
        id: u16,
        (name, kind): &(HostName, u16),
        at: Timestamp,
    ) -> bool {
        self.expire(at);
        let met =
            self.open.remove(&Question { client, server, id, kind: *kind, name: name.clone() }).is_some();
        self.unmatched += u64::from(!met);
        met
    }

    pub(in crate::inspect) fn expire(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|(at, _)| now.since(*at) > self.timeout) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((asked, question)) = self.order.pop_front()
            && self.open.get(&question) == Some(&asked)
        {
            self.open.remove(&question);
            self.unanswered += 1;
        }
    }

    pub(super) fn count_malformed(&mut self) {
        self.malformed += 1;
    }

    pub(super) fn count_truncated(&mut self) {
        self.truncated += 1;
    }

    pub(in crate::inspect) fn counters(&self) -> [(&'static str, u64); 5] {
        [
            ("dns_unmatched_answer", self.unmatched),
            ("dns_unanswered_question", self.unanswered),
            ("dns_questions_full", self.pushed_out),
            ("dns_malformed", self.malformed),
            ("dns_truncated_answer", self.truncated),
        ]
    }
}
