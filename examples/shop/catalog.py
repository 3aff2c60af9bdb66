"""What the shop sells, and how much of it is left."""

from dataclasses import dataclass
from zlib import crc32

MEMBER_DISCOUNT_PERCENT = 10
RESTOCK_EVERY = 12


@dataclass(frozen=True, slots=True)
class Product:
    """One thing on the shelf."""

    slug: str
    name: str
    line: str
    description: str
    details: tuple[str, ...]
    price_cents: int
    tint: str

    @property
    def price(self) -> str:
        """The price as it is written on the tag."""
        return euros(self.price_cents)

    @property
    def member_price(self) -> str:
        """The price for customers with an account."""
        return euros(self.price_cents * (100 - MEMBER_DISCOUNT_PERCENT) // 100)


def euros(cents: int) -> str:
    """Write an amount of money."""
    return f"€{cents // 100}.{cents % 100:02}"


PRODUCTS = (
    Product(
        "gantry-lamp",
        "Gantry lamp",
        "A task lamp that stays where you put it",
        "Two counterweighted arms and a deep shade that keeps the light on the page and out of"
        " your eyes. Folds flat against the wall when the day is over.",
        ("Powder-coated steel", "Reach 62 cm", "E14 bulb included"),
        8900,
        "sun",
    ),
    Product(
        "ferrule-pen",
        "Ferrule fountain pen",
        "A steel nib with a little spring",
        "Light enough to forget, long enough to post the cap. The nib is tuned by hand before it"
        " leaves, so it writes the moment you fill it.",
        ("Aluminium body", "Fine or medium nib", "Converter included"),
        5400,
        "sky",
    ),
    Product(
        "ledger-notebook",
        "Ledger notebook",
        "Lies flat from the first page",
        "Two hundred numbered pages of cream paper that takes fountain pen ink without"
        " feathering, with an index at the front to find things again.",
        ("A5, 200 pages", "90 g/m² paper", "Thread-sewn"),
        1850,
        "coral",
    ),
    Product(
        "slow-mug",
        "Slow mug",
        "Keeps tea warm through one long call",
        "Thick-walled stoneware with a handle that fits three fingers. Glazed inside, bare clay"
        " outside, and no two are quite the same shade.",
        ("Stoneware, 320 ml", "Dishwasher safe", "Thrown by hand"),
        2400,
        "mint",
    ),
    Product(
        "quarter-clock",
        "Quarter clock",
        "Four marks are enough",
        "A silent desk clock for people who need to know roughly how late it is. The hand sweeps;"
        " nothing ticks.",
        ("Beech and glass", "⌀ 14 cm", "One AA battery"),
        4600,
        "lilac",
    ),
    Product(
        "midnight-ink",
        "Midnight ink",
        "A blue that dries almost black",
        "Mixed in small batches and slow to fade. Wet it is plainly blue; an hour later you have"
        " to hold it to the window to be sure.",
        ("50 ml glass bottle", "Water resistant", "Safe for all pens"),
        1600,
        "sand",
    ),
    Product(
        "windowsill-pot",
        "Windowsill pot",
        "A pot and saucer in one piece",
        "The saucer is part of the pot, so nothing is left behind when it moves with the sun. The"
        " plant in the picture is a jade and not included.",
        ("Terracotta", "⌀ 12 cm", "Drains into its own rim"),
        1950,
        "sky",
    ),
    Product(
        "pencil-cup",
        "Pencil cup",
        "Room for twelve, and a ruler",
        "Folded from one sheet of steel, with a cork foot that does not scratch. The slot at the"
        " side takes a ruler or a very thin notebook.",
        ("Steel and cork", "10 cm tall", "Pencils not included"),
        2100,
        "sun",
    ),
)

BY_SLUG = {product.slug: product for product in PRODUCTS}


def search(words: str) -> list[Product]:
    """Return the products in which every word occurs; all of them when there is no word."""
    wanted = words.casefold().split()
    return [product for product in PRODUCTS if all(word in _text(product) for word in wanted)]


def stock(slug: str, tick: int) -> int:
    """Return how many are left at a tick of the clock: one is sold each tick, then restocked."""
    return RESTOCK_EVERY - (tick + crc32(slug.encode())) % RESTOCK_EVERY


def stock_levels(tick: int) -> dict[str, int]:
    """Return how many are left of everything."""
    return {product.slug: stock(product.slug, tick) for product in PRODUCTS}


def _text(product: Product) -> str:
    return " ".join((product.name, product.line, product.description)).casefold()
