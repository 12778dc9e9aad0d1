-- Integers are 64 bits: ids, money in won, milliseconds since 1970. Everything else is text.

CREATE TABLE IF NOT EXISTS people (
    id {id} NOT NULL PRIMARY KEY,
    email VARCHAR(254) NOT NULL UNIQUE,
    name VARCHAR(160) NOT NULL,
    password VARCHAR(200) NOT NULL,
    sort VARCHAR(16) NOT NULL,
    company VARCHAR(160),
    registration VARCHAR(40),
    role VARCHAR(16) NOT NULL,
    about TEXT NOT NULL,
    suspended BIGINT NOT NULL,
    created_at BIGINT NOT NULL
){table};

CREATE TABLE IF NOT EXISTS sessions (
    token VARCHAR(64) NOT NULL PRIMARY KEY,
    person_id BIGINT NOT NULL REFERENCES people (id),
    csrf VARCHAR(64) NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
){table};
{index} sessions_by_person ON sessions (person_id);

CREATE TABLE IF NOT EXISTS stream_keys (
    id {id} NOT NULL PRIMARY KEY,
    person_id BIGINT NOT NULL REFERENCES people (id),
    hash VARCHAR(64) NOT NULL UNIQUE,
    hint VARCHAR(16) NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
){table};
{index} stream_keys_by_person ON stream_keys (person_id);

CREATE TABLE IF NOT EXISTS categories (
    id {id} NOT NULL PRIMARY KEY,
    slug VARCHAR(40) NOT NULL UNIQUE,
    korean VARCHAR(80) NOT NULL,
    english VARCHAR(80) NOT NULL
){table};

CREATE TABLE IF NOT EXISTS products (
    id {id} NOT NULL PRIMARY KEY,
    seller_id BIGINT NOT NULL REFERENCES people (id),
    category_id BIGINT NOT NULL REFERENCES categories (id),
    form VARCHAR(16) NOT NULL,
    title VARCHAR(240) NOT NULL,
    description TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    supplied BIGINT NOT NULL CHECK (supplied >= 0),
    stock BIGINT NOT NULL CHECK (stock >= 0),
    wear VARCHAR(16),
    place VARCHAR(240),
    state VARCHAR(16) NOT NULL,
    stars BIGINT NOT NULL,
    reviews BIGINT NOT NULL,
    created_at BIGINT NOT NULL
){table};
{index} products_by_seller ON products (seller_id, id);
{index} products_by_category ON products (category_id, id);
{index} products_by_form ON products (form, id);

CREATE TABLE IF NOT EXISTS images (
    id {id} NOT NULL PRIMARY KEY,
    product_id BIGINT NOT NULL REFERENCES products (id),
    position BIGINT NOT NULL,
    name VARCHAR(80) NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL
){table};
{index} images_by_product ON images (product_id, position);

CREATE TABLE IF NOT EXISTS cart_lines (
    person_id BIGINT NOT NULL REFERENCES people (id),
    product_id BIGINT NOT NULL REFERENCES products (id),
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    added_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, product_id)
){table};

CREATE TABLE IF NOT EXISTS orders (
    id {id} NOT NULL PRIMARY KEY,
    buyer_id BIGINT NOT NULL REFERENCES people (id),
    seller_id BIGINT NOT NULL REFERENCES people (id),
    method VARCHAR(16) NOT NULL,
    state VARCHAR(16) NOT NULL,
    delivery VARCHAR(16) NOT NULL,
    total BIGINT NOT NULL CHECK (total >= 0),
    commission BIGINT NOT NULL,
    recipient VARCHAR(160) NOT NULL,
    phone VARCHAR(40) NOT NULL,
    address VARCHAR(400) NOT NULL,
    token VARCHAR(300),
    buyer_confirmed BIGINT NOT NULL,
    seller_confirmed BIGINT NOT NULL,
    wants_refund BIGINT NOT NULL,
    released BIGINT NOT NULL,
    reason VARCHAR(200),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    settled_at BIGINT
){table};
{index} orders_by_buyer ON orders (buyer_id, id);
{index} orders_by_seller ON orders (seller_id, id);
{index} orders_by_expiry ON orders (state, expires_at);

CREATE TABLE IF NOT EXISTS order_lines (
    order_id BIGINT NOT NULL REFERENCES orders (id),
    product_id BIGINT NOT NULL REFERENCES products (id),
    title VARCHAR(240) NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    price BIGINT NOT NULL,
    PRIMARY KEY (order_id, product_id)
){table};
{index} order_lines_by_product ON order_lines (product_id);

CREATE TABLE IF NOT EXISTS idempotency (
    person_id BIGINT NOT NULL,
    token VARCHAR(200) NOT NULL,
    body VARCHAR(64) NOT NULL,
    order_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (person_id, token)
){table};
{index} idempotency_by_age ON idempotency (created_at);

-- What must be said to the payment provider, written in the transaction that decided it.
CREATE TABLE IF NOT EXISTS outbox (
    id {id} NOT NULL PRIMARY KEY,
    order_id BIGINT NOT NULL REFERENCES orders (id),
    kind VARCHAR(16) NOT NULL,
    amount BIGINT NOT NULL,
    state VARCHAR(16) NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (order_id, kind)
){table};
{index} outbox_by_due ON outbox (state, due_at);

-- What the payment provider said it did.
CREATE TABLE IF NOT EXISTS charges (
    order_id {id} NOT NULL PRIMARY KEY,
    reference VARCHAR(120) NOT NULL,
    amount BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    created_at BIGINT NOT NULL
){table};

-- The built-in test provider's own books: what a real one would hold on its side.
CREATE TABLE IF NOT EXISTS test_charges (
    token VARCHAR(200) NOT NULL PRIMARY KEY,
    amount BIGINT NOT NULL,
    outcome VARCHAR(16) NOT NULL,
    refunded BIGINT NOT NULL,
    created_at BIGINT NOT NULL
){table};

-- Money owed to and by sellers. Rows are only ever added.
CREATE TABLE IF NOT EXISTS ledger (
    id {id} NOT NULL PRIMARY KEY,
    seller_id BIGINT NOT NULL REFERENCES people (id),
    kind VARCHAR(16) NOT NULL,
    subject_id BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (kind, subject_id)
){table};
{index} ledger_by_seller ON ledger (seller_id, id);

CREATE TABLE IF NOT EXISTS ads (
    id {id} NOT NULL PRIMARY KEY,
    slot VARCHAR(16) NOT NULL,
    seller_id BIGINT NOT NULL REFERENCES people (id),
    product_id BIGINT NOT NULL REFERENCES products (id),
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    price BIGINT NOT NULL,
    created_at BIGINT NOT NULL
){table};
{index} ads_by_end ON ads (slot, ends_at);

CREATE TABLE IF NOT EXISTS reviews (
    id {id} NOT NULL PRIMARY KEY,
    product_id BIGINT NOT NULL REFERENCES products (id),
    buyer_id BIGINT NOT NULL REFERENCES people (id),
    stars BIGINT NOT NULL CHECK (stars BETWEEN 1 AND 5),
    text TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (product_id, buyer_id)
){table};

CREATE TABLE IF NOT EXISTS auctions (
    product_id {id} NOT NULL PRIMARY KEY REFERENCES products (id),
    start_price BIGINT NOT NULL,
    step BIGINT NOT NULL CHECK (step > 0),
    top BIGINT NOT NULL,
    bidder_id BIGINT,
    bids BIGINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    latest_end BIGINT NOT NULL,
    state VARCHAR(16) NOT NULL,
    order_id BIGINT
){table};
{index} auctions_by_end ON auctions (state, ends_at);

CREATE TABLE IF NOT EXISTS bids (
    product_id BIGINT NOT NULL REFERENCES auctions (product_id),
    number BIGINT NOT NULL,
    bidder_id BIGINT NOT NULL REFERENCES people (id),
    amount BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (product_id, number)
){table};

CREATE TABLE IF NOT EXISTS broadcasts (
    id {id} NOT NULL PRIMARY KEY,
    seller_id BIGINT NOT NULL REFERENCES people (id),
    title VARCHAR(240) NOT NULL,
    notice TEXT NOT NULL,
    state VARCHAR(16) NOT NULL,
    starts_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    stream VARCHAR(64) NOT NULL,
    media_id VARCHAR(40),
    playback VARCHAR(400),
    origin VARCHAR(400),
    replay VARCHAR(400),
    picture VARCHAR(400),
    pinned_id BIGINT,
    slow_seconds BIGINT NOT NULL,
    viewers BIGINT NOT NULL,
    peak BIGINT NOT NULL,
    created_at BIGINT NOT NULL
){table};
{index} broadcasts_by_state ON broadcasts (state, starts_at);
{index} broadcasts_by_seller ON broadcasts (seller_id, id);
{index} broadcasts_by_media ON broadcasts (media_id);
{index} broadcasts_by_stream ON broadcasts (stream, state);

CREATE TABLE IF NOT EXISTS broadcast_products (
    broadcast_id BIGINT NOT NULL REFERENCES broadcasts (id),
    product_id BIGINT NOT NULL REFERENCES products (id),
    position BIGINT NOT NULL,
    PRIMARY KEY (broadcast_id, product_id)
){table};
{index} broadcast_products_by_product ON broadcast_products (product_id);

CREATE TABLE IF NOT EXISTS comments (
    id {id} NOT NULL PRIMARY KEY,
    broadcast_id BIGINT NOT NULL REFERENCES broadcasts (id),
    person_id BIGINT NOT NULL REFERENCES people (id),
    text TEXT NOT NULL,
    created_at BIGINT NOT NULL
){table};
{index} comments_by_broadcast ON comments (broadcast_id, id);

CREATE TABLE IF NOT EXISTS chat_messages (
    id {id} NOT NULL PRIMARY KEY,
    broadcast_id BIGINT NOT NULL REFERENCES broadcasts (id),
    person_id BIGINT NOT NULL REFERENCES people (id),
    name VARCHAR(160) NOT NULL,
    text VARCHAR(800) NOT NULL,
    hidden BIGINT NOT NULL
){table};
{index} chat_by_broadcast ON chat_messages (broadcast_id, id);

-- Who may not speak (until a time) or not even watch the chat of a seller.
CREATE TABLE IF NOT EXISTS silences (
    seller_id BIGINT NOT NULL REFERENCES people (id),
    person_id BIGINT NOT NULL REFERENCES people (id),
    banned BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, person_id)
){table};

-- Nonces and event ids of the media server and of payment webhooks, so that nothing is taken twice.
CREATE TABLE IF NOT EXISTS taken (
    token VARCHAR(120) NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
){table};
{index} taken_by_age ON taken (created_at);

CREATE TABLE IF NOT EXISTS audit (
    number {id} NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    actor_id BIGINT,
    action VARCHAR(60) NOT NULL,
    subject VARCHAR(80) NOT NULL,
    detail VARCHAR(600) NOT NULL,
    previous VARCHAR(64) NOT NULL,
    hash VARCHAR(64) NOT NULL
){table};

-- One row, locked to append to the chain.
CREATE TABLE IF NOT EXISTS audit_head (
    id {id} NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    hash VARCHAR(64) NOT NULL
){table};

CREATE TABLE IF NOT EXISTS canary (
    id {id} NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
){table};

{skip} INTO audit_head VALUES (1, 0, '');
{skip} INTO categories VALUES
    (1, 'fashion', '패션', 'Fashion'), (2, 'beauty', '뷰티', 'Beauty'), (3, 'food', '식품', 'Food'),
    (4, 'living', '리빙', 'Living'), (5, 'digital', '디지털', 'Digital'), (6, 'kids', '키즈', 'Kids'),
    (7, 'sports', '스포츠', 'Sports'), (8, 'hobby', '취미', 'Hobby');
