--
-- PostgreSQL database dump
--

\restrict OCxeg5MTZrKm9TSkIoyBPWJSCVvSTfONkprQNY4L0Tis7Fo7pyAfULqxx5XDydC

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'SQL_ASCII';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: uuid-ossp; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;


--
-- Name: EXTENSION "uuid-ossp"; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION "uuid-ossp" IS 'generate universally unique identifiers (UUIDs)';


--
-- Name: touch(); Type: FUNCTION; Schema: public; Owner: nest
--

CREATE FUNCTION public.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
INSERT INTO inventory VALUES ('not', 'a row');
  RETURN NEW;
END;
$$;


ALTER FUNCTION public.touch() OWNER TO nest;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: inventory; Type: TABLE; Schema: public; Owner: nest
--

CREATE TABLE public.inventory (
    id uuid DEFAULT public.uuid_generate_v4() NOT NULL,
    "productId" character varying NOT NULL,
    quantity integer NOT NULL,
    reserved integer DEFAULT 0 NOT NULL,
    "createdAt" timestamp without time zone DEFAULT now() NOT NULL,
    "updatedAt" timestamp without time zone DEFAULT now() NOT NULL
);


ALTER TABLE public.inventory OWNER TO nest;

--
-- Name: migrations; Type: TABLE; Schema: public; Owner: nest
--

CREATE TABLE public.migrations (
    id integer NOT NULL,
    "timestamp" bigint NOT NULL,
    name character varying NOT NULL
);


ALTER TABLE public.migrations OWNER TO nest;

--
-- Name: migrations_id_seq; Type: SEQUENCE; Schema: public; Owner: nest
--

CREATE SEQUENCE public.migrations_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.migrations_id_seq OWNER TO nest;

--
-- Name: migrations_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: nest
--

ALTER SEQUENCE public.migrations_id_seq OWNED BY public.migrations.id;


--
-- Name: reservation; Type: TABLE; Schema: public; Owner: nest
--

CREATE TABLE public.reservation (
    id integer NOT NULL,
    "orderId" character varying NOT NULL,
    "productId" character varying NOT NULL,
    quantity integer NOT NULL,
    note text,
    "createdAt" timestamp without time zone DEFAULT now() NOT NULL
);


ALTER TABLE public.reservation OWNER TO nest;

--
-- Name: reservation_id_seq; Type: SEQUENCE; Schema: public; Owner: nest
--

CREATE SEQUENCE public.reservation_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.reservation_id_seq OWNER TO nest;

--
-- Name: reservation_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: nest
--

ALTER SEQUENCE public.reservation_id_seq OWNED BY public.reservation.id;


--
-- Name: stock_event; Type: TABLE; Schema: public; Owner: nest
--

CREATE TABLE public.stock_event (
    "eventType" character varying NOT NULL,
    "productId" character varying NOT NULL,
    quantity integer NOT NULL,
    "timestamp" timestamp with time zone NOT NULL
);


ALTER TABLE public.stock_event OWNER TO nest;

--
-- Name: migrations id; Type: DEFAULT; Schema: public; Owner: nest
--

ALTER TABLE ONLY public.migrations ALTER COLUMN id SET DEFAULT nextval('public.migrations_id_seq'::regclass);


--
-- Name: reservation id; Type: DEFAULT; Schema: public; Owner: nest
--

ALTER TABLE ONLY public.reservation ALTER COLUMN id SET DEFAULT nextval('public.reservation_id_seq'::regclass);


--
-- Data for Name: inventory; Type: TABLE DATA; Schema: public; Owner: nest
--

COPY public.inventory (id, "productId", quantity, reserved, "createdAt", "updatedAt") FROM stdin;
3f0d3bd4-0f0c-4a2a-9a57-000000000001	123	5	0	2025-01-01 00:00:00	2025-01-01 00:00:00
3f0d3bd4-0f0c-4a2a-9a57-000000000002	lamp-1	40	7	2025-01-01 00:00:00	2025-01-01 00:00:00
3f0d3bd4-0f0c-4a2a-9a57-000000000003	chair_2	0	0	2025-01-01 00:00:00	2025-01-01 00:00:00
\.


--
-- Data for Name: migrations; Type: TABLE DATA; Schema: public; Owner: nest
--

COPY public.migrations (id, "timestamp", name) FROM stdin;
1	1735689600000	Init1735689600000
\.


--
-- Data for Name: reservation; Type: TABLE DATA; Schema: public; Owner: nest
--

COPY public.reservation (id, "orderId", "productId", quantity, note, "createdAt") FROM stdin;
1	order-1	lamp-1	3	tab\there; it's (a) 'note', \\N	2025-01-02 00:00:00
2	order-2	lamp-1	2	two\nlines);	2025-01-02 00:00:00
3	order-1	lamp-1	2	\N	2025-01-03 00:00:00
4	order-3	chair_2	0		2025-01-03 00:00:00
\.


--
-- Data for Name: stock_event; Type: TABLE DATA; Schema: public; Owner: nest
--

COPY public.stock_event ("eventType", "productId", quantity, "timestamp") FROM stdin;
stockUpdate	lamp-1	50	2025-01-01 00:00:00+00
\.


--
-- Name: migrations_id_seq; Type: SEQUENCE SET; Schema: public; Owner: nest
--

SELECT pg_catalog.setval('public.migrations_id_seq', 1, true);


--
-- Name: reservation_id_seq; Type: SEQUENCE SET; Schema: public; Owner: nest
--

SELECT pg_catalog.setval('public.reservation_id_seq', 4, true);


--
-- Name: reservation PK_48b1f9922368359ab88e8bfa525; Type: CONSTRAINT; Schema: public; Owner: nest
--

ALTER TABLE ONLY public.reservation
    ADD CONSTRAINT "PK_48b1f9922368359ab88e8bfa525" PRIMARY KEY (id);


--
-- Name: inventory PK_82aa5da437c5bbfb80703b08309; Type: CONSTRAINT; Schema: public; Owner: nest
--

ALTER TABLE ONLY public.inventory
    ADD CONSTRAINT "PK_82aa5da437c5bbfb80703b08309" PRIMARY KEY (id);


--
-- Name: inventory UQ_product; Type: CONSTRAINT; Schema: public; Owner: nest
--

ALTER TABLE ONLY public.inventory
    ADD CONSTRAINT "UQ_product" UNIQUE ("productId");


--
-- PostgreSQL database dump complete
--

\unrestrict OCxeg5MTZrKm9TSkIoyBPWJSCVvSTfONkprQNY4L0Tis7Fo7pyAfULqxx5XDydC

