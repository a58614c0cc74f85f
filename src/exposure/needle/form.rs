//! The [`Form`]s in which a needle is looked for, and where in each the filter takes hold of it.

use std::borrow::Cow;

use super::layer::{Alphabet, Layer, Text};
use super::order::Order;
use zeroize::Zeroizing;

/// An order of bytes in layers of text.
pub(crate) struct Form {
    /// How the number's bytes lie.
    pub(crate) order: Order,
    /// The layers around them, innermost first.
    pub(crate) layers: Vec<Layer>,
    /// Where the filter takes hold.
    pub(crate) hold: Hold,
}

/// Which stretches of a form's text are entered into the filter: of each it finds a whole one, whatever its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Every gram: any 15 bytes in a row are found.
    Everywhere,
    /// A stretch of [`NARROW`] bytes, every so many bytes.
    Narrow(usize),
    /// A stretch of [`WIDE`] bytes, every so many bytes: for text in which a byte of the secret takes four characters or
    /// more, so that a short stretch says little.
    Wide(usize),
}

impl Form {
    /// The text of each layer around `laid`, innermost first.
    pub(crate) fn encode(&self, laid: &[u8]) -> Vec<Text> {
        let mut texts: Vec<Text> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let inner = texts.last().map_or(laid, |text| &text.bytes);
            texts.push(layer.encode(inner));
        }
        texts
    }

    /// The outermost text, which lies in what is searched.
    pub(crate) fn outermost(&self, secret: &[u8]) -> Zeroizing<Vec<u8>> {
        let laid = self.order.lay(secret);
        match self.encode(&laid).pop() {
            Some(text) => text.bytes,
            None => laid,
        }
    }

    /// The encoding of the number itself. Layers around that are what it lies in.
    pub(crate) fn name(&self, number: bool) -> Cow<'static, str> {
        let order = self.order.name(number);
        match self.layers.first() {
            None | Some(Layer::Plain) => order.into(),
            Some(layer) if self.order == Order::Direct => layer.name().into(),
            Some(layer) => format!("{} of {order}", layer.name()).into(),
        }
    }

    /// The encoding with all layers, for a list of what is looked for.
    pub(crate) fn full_name(&self, number: bool) -> String {
        self.layers
            .iter()
            .skip(1)
            .fold(self.name(number).into_owned(), |name, layer| {
                format!("{name}, in {}", layer.name())
            })
    }
}

/// All forms. Plainer ones come first: they give the name where several fit. The first of all is the bytes as they are.
pub(crate) fn all() -> Vec<Form> {
    use Hold::{Everywhere, Narrow, Wide};
    use Order::{Decimal, Digits30, Direct, LeastFirst, MostFirst, Reversed};

    let mut forms = Vec::new();
    let mut add = |order, layers: &[Layer], hold| {
        forms.push(Form {
            order,
            layers: layers.to_vec(),
            hold,
        });
    };
    for order in [
        Direct,
        Reversed,
        LeastFirst(8),
        LeastFirst(4),
        MostFirst(8),
        MostFirst(4),
        Digits30,
    ] {
        add(order, &[], Everywhere);
    }
    for order in [Direct, Reversed] {
        for (between, every, hold) in [
            // A line of 16 bytes, whatever stands around it, has a whole stretch.
            ("", 1, Narrow(18)),
            // OpenSSL's lines have 15 bytes.
            (":", 1, Narrow(31)),
            // `hexdump -C` has groups of eight bytes.
            (" ", 1, Narrow(9)),
            // `xxd`.
            (" ", 2, Narrow(25)),
            ("-", 1, Narrow(31)),
            (",", 1, Narrow(31)),
            // Arrays in source code have lines of eight bytes or more.
            (", 0x", 1, Wide(16)),
            (",0x", 1, Wide(9)),
            ("\\x", 1, Wide(16)),
        ] {
            for upper in [false, true] {
                add(
                    order,
                    &[Layer::Hex {
                        upper,
                        between,
                        every,
                    }],
                    hold,
                );
            }
        }
        for alphabet in [Alphabet::Standard, Alphabet::Url, Alphabet::Escaped] {
            for align in 0..3 {
                add(order, &[Layer::Base64 { align, alphabet }], Narrow(28));
            }
        }
    }
    for signed in [false, true] {
        for between in [", ", ",", " "] {
            add(Direct, &[Layer::Bytes { signed, between }], Wide(16));
        }
    }
    add(Decimal, &[Layer::Plain], Narrow(28));
    let standard = |align| Layer::Base64 {
        align,
        alphabet: Alphabet::Standard,
    };
    let hex = |upper| Layer::Hex {
        upper,
        between: "",
        every: 1,
    };
    for order in [Direct, Reversed] {
        for upper in [false, true] {
            add(order, &[hex(upper), Layer::Utf16], Wide(32));
        }
    }
    for align in 0..3 {
        for alphabet in [Alphabet::Standard, Alphabet::Url] {
            let inner = Layer::Base64 { align, alphabet };
            add(Direct, &[inner, Layer::Utf16], Wide(32));
        }
        for outer in 0..3 {
            // Short enough that a line break in the inner and one in the outer text leave a stretch whole.
            add(Direct, &[standard(align), standard(outer)], Narrow(20));
        }
        for upper in [false, true] {
            add(Direct, &[standard(align), hex(upper)], Narrow(31));
        }
    }
    for upper in [false, true] {
        for outer in 0..3 {
            add(Direct, &[hex(upper), standard(outer)], Narrow(28));
        }
    }
    add(Decimal, &[Layer::Plain, Layer::Utf16], Wide(32));
    forms
}
