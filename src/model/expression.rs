//! Boolean expressions as people write them in `Applicability:` and `--select`: [`Expression`].
//!
//! Grammar: words joined by `and`, `or`, `not` and parentheses; `not` binds strongest, then `and`; a comma is `or`.

use serde::Serialize;
use thiserror::Error;

/// A Boolean expression over atoms `A`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub enum Expression<A> {
    /// One word.
    Atom(A),
    /// True when the inner one is false.
    Not(Box<Self>),
    /// True when both are.
    And(Box<Self>, Box<Self>),
    /// True when at least one is.
    Or(Box<Self>, Box<Self>),
}

/// Why a text is no expression. Columns count characters from 1.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ExpressionError {
    /// There is nothing at all, or nothing after an operator.
    #[error(
        "the expression ends where a word is expected (after column {column}): write a word, or `not` and a word"
    )]
    Ended {
        /// The last column.
        column: usize,
    },
    /// An operator or a closing parenthesis stands where a word should.
    #[error("`{found}` at column {column} stands where a word is expected")]
    OperandExpected {
        /// What stands there.
        found: String,
        /// Where.
        column: usize,
    },
    /// Two words without an operator between them, or a parenthesis too many.
    #[error("`{found}` at column {column} stands where `and`, `or` or the end is expected")]
    OperatorExpected {
        /// What stands there.
        found: String,
        /// Where.
        column: usize,
    },
    /// A parenthesis is never closed.
    #[error("the parenthesis at column {column} is never closed")]
    Unclosed {
        /// Where it was opened.
        column: usize,
    },
    /// Nesting beyond any expression that a person would write.
    #[error("more than {MAX_DEPTH} nested parentheses and `not`s at column {column}")]
    TooDeep {
        /// Where the limit was passed.
        column: usize,
    },
}

/// Bounds the recursion: an expression may come from a command line.
const MAX_DEPTH: usize = 64;

impl Expression<String> {
    /// Reads an expression; its atoms are the words as written.
    ///
    /// # Errors
    /// [`ExpressionError`] names the place and what was expected there.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser {
            tokens: tokens(text),
            next: 0,
            end: text.chars().count(),
        };
        let expression = parser.disjunction(0)?;
        match parser.peek() {
            None => Ok(expression),
            Some(token) => Err(ExpressionError::OperatorExpected {
                found: token.text.clone(),
                column: token.column,
            }),
        }
    }
}

impl<A> Expression<A> {
    /// The value, given the value of each atom.
    pub fn evaluate(&self, value: &mut impl FnMut(&A) -> bool) -> bool {
        match self {
            Self::Atom(atom) => value(atom),
            Self::Not(inner) => !inner.evaluate(value),
            Self::And(left, right) => left.evaluate(value) && right.evaluate(value),
            Self::Or(left, right) => left.evaluate(value) || right.evaluate(value),
        }
    }

    /// The value, and the atoms that decide it: changing none of them leaves the value as it is.
    pub fn explain<'a>(&'a self, value: &mut impl FnMut(&A) -> bool) -> (bool, Vec<&'a A>) {
        match self {
            Self::Atom(atom) => (value(atom), vec![atom]),
            Self::Not(inner) => {
                let (result, atoms) = inner.explain(value);
                (!result, atoms)
            }
            Self::And(left, right) => decide(false, left.explain(value), right.explain(value)),
            Self::Or(left, right) => decide(true, left.explain(value), right.explain(value)),
        }
    }

    /// All atoms, from left to right.
    #[must_use]
    pub fn atoms(&self) -> Vec<&A> {
        match self {
            Self::Atom(atom) => vec![atom],
            Self::Not(inner) => inner.atoms(),
            Self::And(left, right) | Self::Or(left, right) => {
                let mut atoms = left.atoms();
                atoms.extend(right.atoms());
                atoms
            }
        }
    }

    /// Turns each atom into what it means.
    ///
    /// # Errors
    /// The first error of `meaning`.
    pub fn try_map<B, E>(
        self,
        meaning: &mut impl FnMut(A) -> Result<B, E>,
    ) -> Result<Expression<B>, E> {
        Ok(match self {
            Self::Atom(atom) => Expression::Atom(meaning(atom)?),
            Self::Not(inner) => Expression::Not(Box::new(inner.try_map(meaning)?)),
            Self::And(left, right) => Expression::And(
                Box::new(left.try_map(meaning)?),
                Box::new(right.try_map(meaning)?),
            ),
            Self::Or(left, right) => Expression::Or(
                Box::new(left.try_map(meaning)?),
                Box::new(right.try_map(meaning)?),
            ),
        })
    }
}

/// Joins two explained operands; an operand with the value `dominant` decides alone.
fn decide<'a, A>(
    dominant: bool,
    left: (bool, Vec<&'a A>),
    right: (bool, Vec<&'a A>),
) -> (bool, Vec<&'a A>) {
    match (left.0 == dominant, right.0 == dominant) {
        (true, false) => left,
        (false, true) => right,
        (same, _) => {
            let mut atoms = left.1;
            atoms.extend(right.1);
            (if same { dominant } else { !dominant }, atoms)
        }
    }
}

struct Token {
    text: String,
    column: usize,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word = Token {
        text: String::new(),
        column: 0,
    };
    for (index, character) in text.chars().enumerate() {
        let symbol = matches!(character, '(' | ')' | ',');
        if (symbol || character.is_whitespace()) && !word.text.is_empty() {
            tokens.push(std::mem::replace(
                &mut word,
                Token {
                    text: String::new(),
                    column: 0,
                },
            ));
        }
        if symbol {
            tokens.push(Token {
                text: character.to_string(),
                column: index + 1,
            });
        } else if !character.is_whitespace() {
            if word.text.is_empty() {
                word.column = index + 1;
            }
            word.text.push(character);
        }
    }
    if !word.text.is_empty() {
        tokens.push(word);
    }
    tokens
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    end: usize,
}

impl Parser {
    fn disjunction(&mut self, depth: usize) -> Result<Expression<String>, ExpressionError> {
        let mut left = self.conjunction(depth)?;
        while self.take(&["or", ","]) {
            left = Expression::Or(Box::new(left), Box::new(self.conjunction(depth)?));
        }
        Ok(left)
    }

    fn conjunction(&mut self, depth: usize) -> Result<Expression<String>, ExpressionError> {
        let mut left = self.operand(depth)?;
        while self.take(&["and"]) {
            left = Expression::And(Box::new(left), Box::new(self.operand(depth)?));
        }
        Ok(left)
    }

    fn operand(&mut self, depth: usize) -> Result<Expression<String>, ExpressionError> {
        let Some(token) = self.tokens.get(self.next) else {
            return Err(ExpressionError::Ended { column: self.end });
        };
        let (text, column) = (token.text.clone(), token.column);
        self.next += 1;
        if depth >= MAX_DEPTH {
            return Err(ExpressionError::TooDeep { column });
        }
        match text.to_ascii_lowercase().as_str() {
            "not" => Ok(Expression::Not(Box::new(self.operand(depth + 1)?))),
            "(" => {
                let inner = self.disjunction(depth + 1)?;
                match self.peek() {
                    Some(token) if token.text == ")" => {
                        self.next += 1;
                        Ok(inner)
                    }
                    Some(token) => Err(ExpressionError::OperatorExpected {
                        found: token.text.clone(),
                        column: token.column,
                    }),
                    None => Err(ExpressionError::Unclosed { column }),
                }
            }
            "and" | "or" | ")" | "," => Err(ExpressionError::OperandExpected {
                found: text,
                column,
            }),
            _ => Ok(Expression::Atom(text)),
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self, operators: &[&str]) -> bool {
        let found = self
            .peek()
            .is_some_and(|token| operators.iter().any(|o| token.text.eq_ignore_ascii_case(o)));
        self.next += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, true_words: &[&str]) -> bool {
        Expression::parse(text)
            .unwrap()
            .evaluate(&mut |word: &String| true_words.contains(&word.as_str()))
    }

    #[test]
    fn not_binds_strongest_then_and_then_or() {
        assert!(holds("a or b and c", &["a"]));
        assert!(!holds("(a or b) and c", &["a"]));
        assert!(holds("not a and b", &["b"]));
        assert!(!holds("not (a or b)", &["b"]));
        assert!(holds("a, b", &["b"]));
        assert!(holds("a AND Not b", &["a"]));
    }

    #[test]
    fn an_explanation_names_only_what_decides() {
        let decides = |text: &str, true_words: &[&str]| {
            let expression = Expression::parse(text).unwrap();
            let (value, atoms) =
                expression.explain(&mut |word: &String| true_words.contains(&word.as_str()));
            (value, atoms.into_iter().cloned().collect::<Vec<_>>())
        };
        assert_eq!(
            decides("a and not b", &["b", "a"]),
            (false, vec!["b".into()])
        );
        assert_eq!(decides("a and not b", &[]), (false, vec!["a".into()]));
        assert_eq!(
            decides("a or b", &[]),
            (false, vec!["a".into(), "b".into()])
        );
        assert_eq!(decides("a or b", &["b"]), (true, vec!["b".into()]));
        assert_eq!(
            decides("a and b", &["a", "b"]),
            (true, vec!["a".into(), "b".into()])
        );
    }

    #[test]
    fn errors_name_the_place() {
        let error = |text: &str| Expression::parse(text).unwrap_err();
        assert_eq!(error(""), ExpressionError::Ended { column: 0 });
        assert_eq!(error("a and"), ExpressionError::Ended { column: 5 });
        assert_eq!(
            error("a b"),
            ExpressionError::OperatorExpected {
                found: "b".into(),
                column: 3
            }
        );
        assert_eq!(
            error("a)"),
            ExpressionError::OperatorExpected {
                found: ")".into(),
                column: 2
            }
        );
        assert_eq!(
            error("or a"),
            ExpressionError::OperandExpected {
                found: "or".into(),
                column: 1
            }
        );
        assert_eq!(error("a and (b"), ExpressionError::Unclosed { column: 7 });
        assert_eq!(
            error("(a b)"),
            ExpressionError::OperatorExpected {
                found: "b".into(),
                column: 4
            }
        );
        assert!(matches!(
            error(&"(".repeat(10_000)),
            ExpressionError::TooDeep { .. }
        ));
    }
}
