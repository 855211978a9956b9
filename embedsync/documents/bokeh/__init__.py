"""Bokeh documents, kept in sync. Bokeh is imported by the modules here, not by this package.

``document``
    implements the port; everything else is a part of it.
``live``, ``recorder``, ``callbacks``, ``pending``
    Bokeh's document with its callback manager exchanged: what changes is noted, then callbacks run.
``serializer``, ``attributes``, ``plain_events``, ``plain_columns``, ``last_sent``
    from changes to events, remembering what browsers know; the most frequent sooner, without columns that
    have not changed.
``properties``, ``references``
    what properties hold, and which models refer to which, found sooner than Bokeh finds it.
``column_methods``, ``plain_streams``
    how our documents stream and patch columns: arrays sooner, and what raises halfway is told.
``deserializer``, ``events``, ``edits``, ``plain_write``, ``outline``, ``view_local``, ``plain_values``
    from a browser's events to checked steps that can be taken back; the usual edit sooner.
``turn``, ``curdoc``, ``session_context``, ``timers``, ``locked_callback``
    what app code finds around it.
``defaults``
    what need not be kept of it once it is built.
``letting_go``
    how it is taken apart when its session has ended.
``resources``, ``page``, ``policy``
    what a page has to load, and to allow; the page that an app draws itself.
``extensions``, ``compiled``, ``panel``
    models of other packages, and of the app itself: the files that pages load for them; what Panel, if it
    is there, finds.
``apps``
    the recipes: functions, scripts, notebooks, directories, Bokeh applications.
``accelerator``
    Bokeh's own classes, made faster where a setting asks for it.
``private``
    whatever of Bokeh is not public.
"""
